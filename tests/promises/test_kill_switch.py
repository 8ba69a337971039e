"""A kill on the way to an experiment's branch: nothing is lost, and the same command goes on."""

from __future__ import annotations

import pytest

from tests.support.kills import assert_sound, kill
from tests.support.workspace import Workspace

POINTS = (
    *("branch:before-ref", "operation:written", "operation:done", "takeover:stored"),
    *("switch:files", "switch:index"),
)


@pytest.mark.parametrize("point", POINTS)
def test_switch(repo: Workspace, point: str) -> None:
    repo.write("train.py", "# the experiment's\n")
    repo.write("new.py", "# new\n")
    repo.gitexp("save", "-q", "-n", "x")
    repo.write("train.py", "# another's\n")
    repo.gitexp("save", "-q", "-n", "other")
    repo.write("notes.txt", "mine\n")
    repo.allow("git", "HEAD", "index", "logs/HEAD")
    repo.allow("files", "train.py")
    for kind in ("refs", "reflogs"):
        repo.allow(kind, "*")
    kill(repo, point, "branch", "x", "b", "--switch")
    repo.gitexp("list")
    assert repo.read("notes.txt") == "mine\n"
    assert repo.read("train.py") in ("# the experiment's\n", "# another's\n")
    assert repo.git("branch", "--show-current") == "main"
    repo.gitexp("branch", "x", "b", "--switch")
    assert repo.git("branch", "--show-current") == "b"
    assert repo.git("status", "--porcelain") == "?? notes.txt"
    assert_sound(repo)
