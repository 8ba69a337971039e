"""Kill tests of `run --from`: see tests/promises/test_kill.py."""

from __future__ import annotations

import sys

import pytest

from gitexp.model import Status
from tests.support.kills import assert_put_right, experiments, git, kill
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

FROM = ("run", "-n", "one", "--from", "parent", "-S", "train.lr=0.2")

FROMS: dict[str, Status | None] = {
    **dict.fromkeys(("worktree:cleaned", "params:temporary", "params:written", "run:settled"), None),
    **dict.fromkeys(("run:live", "store:before-ref@1"), None),
    **dict.fromkeys(("run:created", "run:ended"), Status.INTERRUPTED),
    **dict.fromkeys(("live:saved@4", "finish:commit", "finish:stored"), Status.DONE),
}

POINTS = set(FROMS)


@pytest.mark.parametrize("point", FROMS)
def test_run_from_an_experiment(repo: Workspace, point: str) -> None:
    repo.writes("metrics.json")
    repo.gitexp("run", "-q", "-n", "parent", "--", "python", "train.py")
    parent = next(e.record.commit for e in experiments(repo) if e.name == "parent")
    kill(repo, point, *FROM)
    assert_put_right(repo, point, FROMS[point])
    repo.gitexp("run", "-q", "-n", "after", *FROM[3:])
    for one in experiments(repo):
        if one.name in ("one", "after"):
            assert one.record.baseline == parent
            assert "lr: 0.2 " in git(repo, "show", f"{one.record.commit}:params.yaml")
