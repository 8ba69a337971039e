"""Kill tests of what is taken over from DVC: a killed `gitexp init` or checkout is done when told again."""

from __future__ import annotations

import sys

import pytest

from tests.support.dvc_project import MODEL, RAW, WRITTEN, make
from tests.support.kills import assert_sound, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

ADOPTING = ("adopt:read", "adopt:written")
POINTS = {*ADOPTING, "dvc:copied"}


@pytest.mark.parametrize("point", sorted(POINTS))
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
