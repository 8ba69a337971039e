"""A run by hand that stands for a point of a grid is one of the trials, everywhere."""

from __future__ import annotations

import json

import pytest

from gitexp.extras.sweep import api
from gitexp.extras.web.contents.sweep_document import sweeps_document
from gitexp.project.project import Project
from tests.support.workspace import Workspace

SWEEP = "command: sh t.sh\nsweep: {parameters: {train.lr: [0.1, 0.2, 0.4]}, method: grid, objective: acc}\n"
SCRIPT = 'l=$(sed -n "s/.*lr: //p" params.yaml); echo "{\\"acc\\": $l}" > metrics.json; test -z "$FAIL"\n'


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    with repo.by_user():
        repo.write("params.yaml", "train:\n  lr: 0.1\n")
        repo.write("t.sh", SCRIPT)
        repo.write("gitexp.yaml", SWEEP)
    repo.commit("a grid")
    return repo


def by_hand(repo: Workspace, name: str, *args: str) -> None:
    repo.gitexp("run", "--temp", "-q", "-n", name, *args)


def test_it_is_counted_everywhere(repo: Workspace) -> None:
    by_hand(repo, "byhand", "-S", "train.lr=0.4")
    ended = repo.gitexp("sweep", "run")
    assert "sweep: 3 of 3 trials: 3 done" in ended.stdout
    assert "Run by hand: byhand." in ended.stdout
    repo.write("t.sh", "exit 1  # half an edit\n")
    shown = repo.gitexp("sweep", "show").stdout
    assert "[byhand]" in shown
    assert "best: byhand  acc 0.4  train.lr=0.4" in shown
    assert repo.gitexp("sweep", "best").stdout == "byhand\n"
    assert "3 of 3 trials" in repo.gitexp("sweep", "list").stdout
    (best,) = json.loads(repo.gitexp("sweep", "best", "--json").stdout)["best"]
    assert (best["experiment"], best["trial"], best["objectives"]) == ("byhand", None, {"acc": 0.4})
    project = Project.open(repo.path)
    (told,) = sweeps_document(project)["sweeps"]
    assert (told["trials"], told["total"]) == ({"done": 3}, 3)
    assert [trial["experiments"] for trial in told["list"]][-1] == ["byhand"]
    assert [one.name for one in api.best(project)] == ["byhand"]
    repo.gitexp("remove", "--yes", "-q", "byhand")
    assert "2 of 3 trials" in repo.gitexp("sweep", "show").stdout


def test_before_the_first_trial_the_code_of_now_tells(repo: Workspace) -> None:
    by_hand(repo, "byhand", "-S", "train.lr=0.4")
    assert repo.gitexp("sweep", "best").stdout == "byhand\n"
    assert "1 of 3 trials" in repo.gitexp("sweep", "list").stdout
    repo.write("t.sh", f"# other code\n{SCRIPT}")
    assert "0 of 3 trials" in repo.gitexp("sweep", "list").stdout


def test_a_grid_of_the_command_line(repo: Workspace) -> None:
    by_hand(repo, "byhand", "-S", "train.lr=0.4", "--", "sh", "t.sh")
    words = ("-S", "train.lr=0.2,0.4", "--method", "grid", "--objective", "acc", "--", "sh", "t.sh")
    assert "2 of 2 trials: 2 done" in repo.gitexp("run", *words).stdout
    listed = repo.gitexp("sweep", "list").stdout.splitlines()
    (search,) = [line.split()[0] for line in listed if "2 of 2" in line]
    assert repo.gitexp("sweep", "best", search).stdout == "byhand\n"


@pytest.mark.parametrize("how", ["other code", "other command", "outside", "failed"])
def test_another_run_stands_for_no_point(repo: Workspace, how: str) -> None:
    if how == "other code":
        repo.write("t.sh", f"# other code\n{SCRIPT}")
        by_hand(repo, "byhand", "-S", "train.lr=0.4")
        repo.write("t.sh", SCRIPT)
    elif how == "other command":
        by_hand(repo, "byhand", "-S", "train.lr=0.4", "--", "sh", "-e", "t.sh")
    elif how == "outside":
        by_hand(repo, "byhand", "-S", "train.lr=0.8")
    else:
        failed = ("run", "--temp", "-q", "-n", "byhand", "-S", "train.lr=0.4")
        assert repo.gitexp(*failed, env={"FAIL": "yes"}, check=False).exit_code == 1
    repo.gitexp("sweep", "run", "-q")
    shown = repo.gitexp("sweep", "show").stdout
    assert "3 of 3 trials: 3 done" in shown
    assert "byhand" not in shown


def test_a_search_that_draws_its_points_has_trials_of_its_own(repo: Workspace) -> None:
    repo.write("gitexp.yaml", SWEEP.replace("method: grid", "method: random, trials: 2"))
    by_hand(repo, "byhand", "-S", "train.lr=0.4")
    repo.gitexp("sweep", "run", "-q")
    assert "2 of 2 trials: 2 done" in repo.gitexp("sweep", "show").stdout
    assert repo.gitexp("sweep", "best").stdout != "byhand\n"
