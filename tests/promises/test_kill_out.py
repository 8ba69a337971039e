"""Kill tests of the file of `-o`: see tests/promises/test_kill.py."""

from __future__ import annotations

import sys

import pytest

from tests.support.experiments import put
from tests.support.kills import KILLED
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

POINTS = {"out-file:written"}


def test_an_earlier_file_stays_whole(repo: Workspace) -> None:
    put(repo, "one")
    repo.write("all.csv", "mine\n", mode=0o640)
    done = repo.gitexp("export", "-o", "all.csv", check=False, env={"GITEXP_FAILPOINT": "out-file:written"})
    assert done.exit_code in (KILLED, -9)
    assert repo.read("all.csv") == "mine\n"
    assert sorted(path.name for path in repo.path.glob("*all*")) == ["all.csv"]
    repo.allow("files", "all.csv")
    repo.gitexp("export", "-o", "all.csv")
    assert repo.read("all.csv").splitlines()[1].startswith("one,done,")
    assert (repo.path / "all.csv").stat().st_mode & 0o777 == 0o640
