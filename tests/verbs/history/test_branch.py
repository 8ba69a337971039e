"""`gitexp branch`: an experiment as a Git branch."""

from __future__ import annotations

import pytest

from gitexp import errors
from gitexp.history import branch as ops
from gitexp.model import Status
from gitexp.project.project import Project
from tests.support.codes import has_code
from tests.support.experiments import put
from tests.support.workspace import Workspace


def test_the_branch_is_the_clean_commit(repo: Workspace) -> None:
    repo.writes("metrics.json", "params.yaml")
    repo.allow("refs", "refs/heads/best")
    repo.allow("reflogs", "refs/heads/best")
    repo.gitexp("run", "-n", "one", "-S", "train.lr=0.3", "--", "python", "train.py")
    done = repo.gitexp("branch", "one", "best")
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"Branch best is at one, {repo.git('rev-parse', '--short=7', 'best')}.",
        "To go there, past what its run has left here: gitexp branch one best --switch",
        "To look at it beside your unsaved work: git worktree add ../best best",
    ]
    assert repo.git("rev-parse", "best~1") == repo.git("rev-parse", "HEAD")
    assert repo.git("ls-tree", "-r", "--name-only", "best").splitlines() == [
        ".gitignore",
        "metrics.json",
        "params.yaml",
        "train.py",
    ]
    assert "lr: 0.3" in repo.git("show", "best:params.yaml")


def test_without_a_name_it_is_the_experiments(repo: Workspace) -> None:
    commit = put(repo, "one")
    repo.allow("refs", "refs/heads/one")
    repo.allow("reflogs", "refs/heads/one")
    assert repo.json("branch", "on") == {"branch": "one", "experiment": "one", "commit": commit}


def test_quiet_is_quiet(repo: Workspace) -> None:
    put(repo, "one")
    repo.allow("refs", "refs/heads/*")
    repo.allow("reflogs", "refs/heads/*")
    done = repo.gitexp("branch", "-q", "one", "größe/x'y")
    assert (done.stdout, done.stderr) == ("", "")
    assert "git switch 'größe/x'\"'\"'z'" in repo.gitexp("branch", "one", "größe/x'z").stderr


@pytest.mark.parametrize("name", ["main", "taken", "taken/below", "up"])
def test_a_branch_that_is_there_or_in_the_way(repo: Workspace, name: str) -> None:
    put(repo, "one")
    repo.git("branch", "taken")
    repo.git("branch", "up/down")
    with pytest.raises(errors.GitexpError, check=has_code("branch-exists")):
        ops.branch(Project.open(repo.path), "one", name)


@pytest.mark.parametrize(
    "name",
    [
        "-x",
        "--upload-pack=x",
        "../x",
        "a..b",
        "a b",
        "x.lock",
        "HEAD",
        "@",
        "refs/heads/x",
        "a" * 300,
        "x\n",
        "a\0b",
    ],
)
def test_what_cannot_be_a_branch(repo: Workspace, name: str) -> None:
    put(repo, "one")
    with pytest.raises(errors.InvalidName) as caught:
        ops.branch(Project.open(repo.path), "one", name)
    assert len(caught.value.message) < 150


def test_a_running_experiment_has_no_results_yet(repo: Workspace) -> None:
    put(repo, "going", status=Status.RUNNING)
    with pytest.raises(errors.ExperimentError, match="going is running"):
        ops.branch(Project.open(repo.path), "going", "x")


def test_a_damaged_record_makes_no_branch(repo: Workspace) -> None:
    put(repo, "damaged", body="[]")
    done = repo.gitexp("branch", "damaged", "x", check=False)
    assert done.exit_code == 1
    assert "not a gitexp record" in done.stderr


def test_a_clean_workspace_can_go_there(repo: Workspace) -> None:
    repo.allow("refs", "refs/heads/again")
    repo.allow("reflogs", "refs/heads/again")
    repo.gitexp("save", "-n", "one")
    assert "To go there: git switch again" in repo.gitexp("branch", "one", "again").stderr
