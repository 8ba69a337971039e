"""A kill while results that are too large for Git are stored: the next command stores them all."""

from __future__ import annotations

import sys

import pytest

from gitexp.model import Status
from gitexp.pipeline.lock import LOCK_FILE
from tests.support.kills import assert_put_right, kill
from tests.support.workspace import Workspace
from tests.verbs.runs.test_large_results import CONFIG, content, large

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

WRITES = "mkdir -p models; yes a | head -c 3000 > models/a; yes b | head -c 4000 > models/b"
POINTS = {"large:put@1", "large:put@2", "lock:made", "lock:written", "finish:commit", "finish:stored"}
RESULTS = {"models/a": content("a"), "models/b": content("b", 4000)}


@pytest.mark.parametrize("how", [(), ("--temp",)])
@pytest.mark.parametrize("point", sorted(POINTS))
def test_a_run(repo: Workspace, point: str, how: tuple[str, ...]) -> None:
    if how and point.startswith("lock:"):
        pytest.skip("an isolated run changes no lock on disk")
    repo.write("gitexp.yaml", CONFIG)
    repo.write(".gitignore", "models/\n")
    repo.commit()
    repo.writes(LOCK_FILE, "models/*")
    kill(repo, point, "run", "-n", "one", *how, "--", "sh", "-c", WRITES)
    assert_put_right(repo, point, Status.DONE)
    assert large(repo, "one") == RESULTS


@pytest.mark.parametrize("point", ["large:put@1", "save:commit"])
def test_save(repo: Workspace, point: str) -> None:
    repo.write("gitexp.yaml", CONFIG)
    for name, data in RESULTS.items():
        repo.write(name, data)
    kill(repo, point, "save", "-n", "one")
    assert_put_right(repo, point, None)
    repo.gitexp("save", "-n", "one")
    assert large(repo, "one") == RESULTS
