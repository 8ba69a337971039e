"""Kill tests of `run --from`: see tests/promises/test_kill.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gitexp.model import Status
from tests.support.experiments import copy_of
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


@pytest.fixture(scope="module")
def template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with `parent`, which has ended, and `stopped`, which left a checkpoint."""
    repo = copy_of(template, tmp_path_factory.mktemp("made"))
    repo.write("go_on.py", GO_ON)
    repo.write("gitexp.yaml", "checkpoints: [last.bin]\n")
    repo.commit()
    repo.writes("metrics.json", "last.bin")
    repo.gitexp("run", "-q", "-n", "parent", "--", "python", "train.py")
    repo.gitexp("run", "-q", "-n", "stopped", "--", sys.executable, "go_on.py", check=False)
    repo.git("checkout", "-q", "--", ".")
    repo.git("clean", "-fdq")
    return repo.path


@pytest.mark.parametrize("point", FROMS)
def test_run_from_an_experiment(repo: Workspace, point: str) -> None:
    parent = next(e.record.commit for e in experiments(repo) if e.name == "parent")
    kill(repo, point, *FROM)
    assert_put_right(repo, point, FROMS[point])
    repo.gitexp("run", "-q", "-n", "after", *FROM[3:])
    for one in experiments(repo):
        if one.name in ("one", "after"):
            assert one.record.baseline == parent
            assert "lr: 0.2 " in git(repo, "show", f"{one.record.commit}:params.yaml")


RESUME = ("run", "-q", "-n", "one", "--resume", "stopped")
GO_ON = """
import os
import pathlib
import gitexp

pathlib.Path("last.bin").write_text("a checkpoint")
gitexp.log({"loss": 1.0}, step=1 + int(os.environ.get("GITEXP_RESUMED_STEP", 0)))
raise SystemExit(not os.environ.get("GITEXP_RESUMED"))
"""

RESUMES: dict[str, Status | None] = {
    **dict.fromkeys(("run:settled", "run:live", "resume:series", "store:before-ref@1"), None),
    **dict.fromkeys(("run:created", "run:ended"), Status.INTERRUPTED),
    **dict.fromkeys(("finish:commit", "logged:stored", "finish:stored"), Status.DONE),
}

POINTS |= set(RESUMES)


@pytest.mark.parametrize("point", RESUMES)
def test_run_that_goes_on(repo: Workspace, point: str) -> None:
    """It has the curve of what it goes on from, and what that had to go on from, wherever it is killed."""
    kill(repo, point, *RESUME)
    assert_put_right(repo, point, RESUMES[point])
    repo.gitexp("run", "-q", "-n", "after", *RESUME[4:])
    steps = {"after": [1, 2], "one": [1] if point == "run:created" else [1, 2]}
    for one in experiments(repo):
        if one.name in steps:
            assert one.record.resumed_from["experiment"] == "stopped"
            assert one.record.checkpoints == ("last.bin",)
            lines = git(repo, "cat-file", "blob", f"{one.id}:.gitexp/run/series.jsonl").splitlines()
            assert [json.loads(line)["_step"] for line in lines] == steps[one.name]
