"""After `apply`, locks and results are the experiment's, whatever other runs have left."""

from __future__ import annotations

import sys

import pytest

from gitexp.history import apply as ops
from gitexp.history import undo as undo_ops
from gitexp.project.project import Project
from gitexp.runs.request import RunRequest
from gitexp.runs.run import run
from tests.support.pipeline import make, start
from tests.support.snapshots import experiment_commit, stored
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written in sh")

STAGE = """stages:
  make:
    cmd: sh make.sh
    deps: [in.txt]
    outs: [model, {small: {cache: false}}]
    metrics: [scores.yaml]
    plots: [curves]
"""
MAKE = """
cp in.txt model; cp in.txt small; sed 's/^/acc: /' in.txt >scores.yaml
mkdir -p curves; cp in.txt curves/all; cp in.txt curves/$(cat in.txt)
"""


@pytest.fixture
def repo(repo: Workspace) -> Workspace:
    """A project with the experiments of three inputs: the first is HEAD's as well, the last is in place."""
    make(repo, {"gitexp.yaml": STAGE, "in.txt": "1\n", "make.sh": MAKE, ".gitignore": "model\n"})
    repo.writes("model", "small", "scores.yaml", "curves", "curves/*", "gitexp.lock", "in.txt", "dvc.lock")
    start(repo)
    repo.commit()
    for content in ("1", "2", "3"):
        repo.write("in.txt", f"{content}\n")
        run(Project.open(repo.path), RunRequest(name=f"of-{content}"))
    return repo


def in_order(repo: Workspace, content: str) -> None:
    """The workspace is that of an experiment, and so is what its lock brings."""
    for path, (_, data) in stored(repo, experiment_commit(repo, f"of-{content}")).items():
        assert path == "in.txt" or (repo.path / path).read_bytes() == data
    assert (repo.path / "curves" / content).exists()
    repo.gitexp("checkout")
    assert repo.read("model") == f"{content}\n"


@pytest.mark.parametrize("content", ["1", "2"])
def test_lock_and_results_are_the_experiments(repo: Workspace, content: str) -> None:
    ops.apply(Project.open(repo.path), f"of-{content}")
    in_order(repo, content)
    assert not (repo.path / "curves" / "3").exists()
    undo_ops.undo(Project.open(repo.path))
    in_order(repo, "3")
    assert not (repo.path / "curves" / "2").exists()


def test_an_out_that_somebody_removed_comes_back(repo: Workspace) -> None:
    with repo.by_user():
        (repo.path / "small").unlink()
    ops.apply(Project.open(repo.path), "of-3")
    in_order(repo, "3")


def test_a_plot_that_the_user_made_stays(repo: Workspace) -> None:
    repo.write("curves/mine", "my own\n")
    ops.apply(Project.open(repo.path), "of-2")
    assert repo.read("curves/mine") == "my own\n"


def test_dvc_lock_is_the_experiments(repo: Workspace) -> None:
    repo.write("dvc.lock", "schema: '2.0'\n")
    repo.commit()
    repo.gitexp("save", "-n", "first")
    repo.write("dvc.lock", "schema: '2.0'\nstages: {}\n")
    repo.gitexp("save", "-n", "second")
    ops.apply(Project.open(repo.path), "first")
    assert repo.read("dvc.lock") == "schema: '2.0'\n"
