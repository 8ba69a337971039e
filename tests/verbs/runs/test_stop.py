"""`gitexp stop`: the end of a run from another terminal."""

from __future__ import annotations

import time

from gitexp.model import Status
from tests.support.experiments import put
from tests.support.workspace import Workspace


def test_a_run_is_ended_and_its_results_are_stored(repo: Workspace) -> None:
    running = repo.start("run", "-n", "long", "--", "sh", "-c", "echo begun; exec sleep 100")
    while "begun" not in repo.gitexp("log", "long", check=False).stdout:
        assert running.poll() is None
        time.sleep(0.1)
    found = repo.json("stop", "last")
    assert (found["name"], found["status"]) == ("long", "interrupted")
    assert running.wait(20) != 0
    assert repo.gitexp("log", "long").stdout == "begun\n"
    assert repo.json("stop", "long", check=False)["error"]["code"] == "not-running"


def test_a_run_of_another_machine_is_stopped_there(repo: Workspace) -> None:
    put(repo, "far", status=Status.RUNNING, host="elsewhere")
    told = repo.json("stop", "far", check=False)["error"]
    assert told["code"] == "not-running"
    assert "elsewhere" in told["hint"]
