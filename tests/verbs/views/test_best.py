"""`gitexp best`, and the best experiment in `diff`."""

from __future__ import annotations

import math
import shlex
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.catalog.query import Query
from gitexp.model import Status
from gitexp.project.project import Project
from gitexp.views.best import best
from tests.support.experiments import copy_of, put
from tests.support.workspace import Workspace


@pytest.fixture(scope="module")
def stored_runs(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = copy_of(template, tmp_path_factory.mktemp("runs"))
    for minute, (name, acc, loss) in enumerate(
        [
            ("low", 0.7, 0.5),
            ("mid", 0.9, 0.2),
            ("same", 0.9, 0.3),
            ("nan", math.nan, math.inf),
            ("odd", "x", 0.4),
        ]
    ):
        put(
            repo,
            name,
            created=f"2024-01-01T10:0{minute}:00.000Z",
            params={"params.yaml": {"train": {"lr": loss}}},
            metrics={"metrics.json": {"acc": acc, "val": {"loss": loss}}},
        )
    put(repo, "broken", status=Status.FAILED, exit_code=1)
    put(repo, "old", baseline="HEAD~1", metrics={"metrics.json": {"acc": 0.95, "f1": 1}})
    return repo.path


def name_of(repo: Workspace, metric: str, lowest: bool | None = None, **query: object) -> str:
    return best(Project.open(repo.path), metric, Query(**query), lowest).name  # type: ignore[arg-type]


def test_the_highest_or_the_lowest_number(runs: Workspace) -> None:
    assert name_of(runs, "acc") == "same"  # of two, the newer
    assert name_of(runs, "acc", lowest=True) == "low"
    assert name_of(runs, "val.loss", lowest=True) == "mid"
    assert name_of(runs, "val.loss", lowest=False) == "low"
    assert name_of(runs, "acc", everything=True) == "old"
    assert name_of(runs, "acc", filter="train.lr != 0.3 and status == 'done'") == "mid"


@pytest.mark.parametrize("metric", ["time_s", "n_params", "peak-memory"])
def test_whether_high_or_low_is_good_is_not_guessed(runs: Workspace, metric: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        name_of(runs, metric)
    assert caught.value.hint == (
        f"A low one: gitexp best --min {metric}; a high one: --max. "
        f"For good, in gitexp.yaml: metrics: {{{metric}: min}}"
    )


def test_a_direction_counts_for_best_and_for_the_star(runs: Workspace) -> None:
    assert name_of(runs, "val.loss") == "mid"  # known by name
    put(runs, "big", metrics={"metrics.json": {"time_s": 9.5, "acc": 0.5}})
    put(runs, "small", metrics={"metrics.json": {"time_s": 2.5, "acc": 0.4}})
    assert "*" not in runs.gitexp("show", "--columns", "time_s").stdout
    runs.write("gitexp.yaml", "metrics: {time_s: min, val.loss: max}\n")
    assert name_of(runs, "time_s") == "small"
    assert name_of(runs, "val.loss") == "low"
    shown = runs.gitexp("show", "--columns", "time_s", "--sort", "time_s", "--desc").stdout.splitlines()
    assert [line.split()[-1] for line in shown if "[big]" in line or "[small]" in line] == ["9.5", "2.5*"]


@pytest.mark.parametrize("metric", ["acc", "accuracy", "f1", "gloss", "terror", "bleu", "reward", "times"])
def test_other_names_are_good_when_they_are_high(runs: Workspace, metric: str) -> None:
    put(runs, "best", metrics={"metrics.json": {metric: 2}})
    put(runs, "worse", metrics={"metrics.json": {metric: 1}})
    assert name_of(runs, metric) == "best"


def test_a_metric_that_is_not_there(runs: Workspace) -> None:
    with pytest.raises(errors.UsageError) as caught:
        name_of(runs, "acx")
    assert caught.value.hint == "Did you mean acc?"
    with pytest.raises(errors.ExperimentError) as nowhere_here:
        name_of(runs, "f1")
    assert nowhere_here.value.hint == "Those of all baselines: gitexp best -A f1"
    with pytest.raises(errors.ExperimentError):
        name_of(runs, "acc", filter="name == 'nan'", everything=True)


def test_a_metric_without_a_finite_number(repo: Workspace) -> None:
    put(repo, "one", metrics={"metrics.json": {"bad": math.nan, "acc": 1}})
    put(repo, "two", metrics={"metrics.json": {"bad": math.inf}})
    put(repo, "three", metrics={"metrics.json": {"bad": "none"}})
    said = repo.gitexp("best", "bad", check=False).stderr
    assert "No such experiment has a number for bad: it is " in said
    assert all(word in said.partition(" in ")[0] for word in ("nan", "inf", "none"))
    assert all(name in said.partition(" in ")[2] for name in ("one", "two", "three"))
    assert "--all-projects" not in said


def test_hints_repeat_the_options_of_the_user(runs: Workspace) -> None:
    chosen = ("--filter", "status=='done'")
    said = shlex.join(chosen)
    for args, hint in (
        (("best", "f1", *chosen), f"gitexp best -A f1 {said}"),
        (("best", "time_s", "-A"), "gitexp best --min time_s -A"),
        (("diff", "--best", "f1", *chosen, "HEAD"), f"gitexp diff -A --best f1 {said} HEAD"),
        (("diff", *chosen), f"gitexp diff --best acc {said}"),
    ):
        assert hint in runs.gitexp(*args, check=False).stderr


def test_without_experiments(repo: Workspace) -> None:
    done = repo.gitexp("best", "acc", check=False)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error: No experiment has a number for acc." in done.stderr


def test_the_command_prints_a_name_for_scripts(runs: Workspace) -> None:
    assert runs.gitexp("best", "acc", "-A").stdout == "old\n"
    assert runs.gitexp("best", "val.loss", "--min", "--filter", "acc < 0.9").stdout == "low\n"
    assert runs.json("best", "acc", "--min") == {
        "experiment": "low",
        "commit": runs.git("rev-parse", "refs/gitexp/exps/low~1"),
        "metric": "acc",
        "value": 0.7,
    }
    assert runs.json("best", "time_s", check=False)["error"]["code"] == "usage"


def test_the_best_is_compared_with_its_baseline_or_another(runs: Workspace) -> None:
    head = runs.git("rev-parse", "HEAD")
    found = runs.json("diff", "--best", "acc")
    assert (found["a"]["commit"], found["b"]["name"]) == (head, "same")
    found = runs.json("diff", "low", "--best", "val.loss", "--min", "--filter", "acc > 0.8")
    assert (found["a"]["name"], found["b"]["name"]) == ("low", "mid")
    assert runs.json("diff", "--best", "acc", "-A")["b"]["name"] == "old"


@pytest.mark.parametrize(
    "args", [["low", "mid", "--best", "acc"], ["low", "--min"], ["--filter", "acc > 1"], ["-A"]]
)
def test_what_does_not_go_together(runs: Workspace, args: list[str]) -> None:
    assert runs.gitexp("diff", *args, check=False).exit_code == 2


def test_min_and_max_do_not_go_together(runs: Workspace) -> None:
    for args in (("best", "acc"), ("diff", "--best", "acc")):
        assert runs.json(*args, "--min", "--max", check=False)["error"]["code"] == "usage"
    assert runs.json("best", "acc", "--min")["experiment"] != runs.json("best", "acc", "--max")["experiment"]
