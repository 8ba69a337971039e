"""Kill tests of worktrees whose files Git must not convert: see tests/promises/test_kill.py."""

from __future__ import annotations

import sys

import pytest

from tests.support.kills import assert_put_right, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

TEMP = ("run", "--temp", "--", "sh", "-c", "sha256sum train.py lf.txt")

POINTS = {"worktree:read", "worktree:exact"}


@pytest.mark.parametrize("point", sorted(POINTS))
def test_exact_files_of_a_worktree(repo: Workspace, point: str) -> None:
    repo.write("lf.txt", "one\n")
    expected = repo.gitexp("run", "-q", *TEMP[1:]).stdout
    repo.git("config", "core.autocrlf", "true")
    kill(repo, point, *TEMP)
    assert_put_right(repo, point, None)
    assert repo.gitexp("run", "-q", *TEMP[1:]).stdout == expected
