"""Kill tests of what is taken over from DVC: a killed `gitexp init` or checkout is done when told again."""

from __future__ import annotations

import sys

import pytest

from gitexp.project.project import Project
from tests.support.dvc_project import MODEL, RAW, WRITTEN, make
from tests.support.kills import assert_sound, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

ADOPTING = ("adopt:read", "adopt:written")
EXPORTING = ("export:cached", "export:written", "export:moved")
TAKING = (*ADOPTING, "dvc:copied")
POINTS = {*TAKING, *EXPORTING}


@pytest.mark.parametrize("point", TAKING)
def test_a_kill_leaves_a_project_that_goes_on(repo: Workspace, point: str) -> None:
    make(repo, present=False)
    repo.allow("files", *WRITTEN, "data/raw")
    if point in ADOPTING:
        kill(repo, point, "init")
        repo.gitexp("init", "-q", "--force")
    else:
        repo.gitexp("init", "-q")
        kill(repo, point, "checkout")
    repo.gitexp("checkout")
    assert (repo.read("data/raw"), repo.read("model")) == (RAW, MODEL)
    assert {stage["state"] for stage in repo.json("status")["stages"]} == {"up to date"}
    assert_sound(repo)


@pytest.mark.parametrize("point", EXPORTING)
def test_an_export(repo: Workspace, point: str) -> None:
    make(repo)
    repo.allow("files", *WRITTEN, "params.yaml", ".dvc/cache/*")
    repo.allow("refs", "refs/exps/*")
    repo.gitexp("init", "-q")
    repo.gitexp("run", "-q", "-n", "mine", "-S", "train.lr=0.2")
    kill(repo, point, "export", "--as", "dvc")
    there = len(list(Project.open(repo.path).repo.refs("refs/exps/")))
    assert there == (1 if point == "export:moved" else 0)
    repo.gitexp("export", "--as", "dvc")
    assert len(list(Project.open(repo.path).repo.refs("refs/exps/"))) == 1
    left = [file for file in (repo.path / ".dvc/cache").rglob("*") if file.is_file() and "." in file.name]
    assert {file.suffix for file in left} <= {".dir"} or point == "export:cached"
    assert_sound(repo)
