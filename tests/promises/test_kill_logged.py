"""Kill tests of a script that is a run of its own, and of what it logs: see tests/promises/test_kill.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from gitexp.model import Status
from tests.support.kills import KILLED, assert_put_right, experiments, git
from tests.support.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

SCRIPT = """
import gitexp

with gitexp.start_run("one", params={"depth": 3}) as run:
    run.log({"loss": 0.5})
    run.log_text("small", "words")
    run.log_text("large", "x" * 2_000_000)
    run.log({"loss": 0.25})
"""
_NOTHING = (None, 0)
_BEGUN = (Status.INTERRUPTED, 0)
_LOGGED = (Status.INTERRUPTED, 1)
_ALL = (Status.DONE, 2)

# By failpoint, how the experiment has ended, and the number of points that it keeps.
ENDS: dict[str, tuple[Status | None, int]] = {
    **dict.fromkeys(("run:snapshot", "run:live", "store:before-ref@1"), _NOTHING),
    "run:created": _BEGUN,
    **dict.fromkeys(("logged:part@1", "logged:artifact@1", "logged:part@2"), _LOGGED),
    **dict.fromkeys(("run:environment", "finish:begun", "finish:read", "logged:large"), _ALL),
    **dict.fromkeys(("logged:stored", "finish:stored", "finish:forgotten"), _ALL),
}
POINTS = set(ENDS)


@pytest.mark.parametrize("point", ENDS)
def test_a_script(repo: Workspace, point: str) -> None:
    repo.write("gitexp.yaml", "max_untracked: 1 MB\n")
    repo.write("log.py", SCRIPT)
    repo.commit()
    env = {**os.environ, "GITEXP_FAILPOINT": point}
    done = subprocess.run([sys.executable, "log.py"], cwd=repo.path, env=env, check=False)
    assert done.returncode == KILLED, f"never came to {point}"
    status, length = ENDS[point]
    assert_put_right(repo, point, status)
    for one in experiments(repo):
        if one.name != "one":
            continue
        lines = b"" if not length else git(repo, "show", f"{one.id}:.gitexp/run/series.jsonl").encode()
        assert [json.loads(line)["loss"] for line in lines.splitlines()] == [0.5, 0.25][:length]
        names = [artifact["name"] for artifact in repo.json("artifacts", "one")["artifacts"]]
        whole = {"logged:artifact@1": ["texts/small.txt"], "logged:part@2": ["texts/small.txt"]}
        assert names == whole.get(point, ["texts/large.txt", "texts/small.txt"] if length == 2 else [])
    assert repo.json("fsck")["healthy"]
    assert repo.json("gc", "--yes")["deleted"]["objects"] == 0
