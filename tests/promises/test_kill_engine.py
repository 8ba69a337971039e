"""A job of an engine that is ended, started again and killed: its run goes on, and is run once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from gitexp.model import Status
from tests.support.kills import assert_sound, experiments, kill
from tests.support.processes import until
from tests.support.workspace import Workspace

TRAIN = ("--", "python", "train.py")
JOB = ("engine", "job", "one")
POINTS = {"engine:preempted"}


@pytest.fixture
def go_on(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file for whose coming the queued run waits; processes of gitexp are jobs of an engine."""
    repo.write("train.py", "import os, time\nwhile not os.path.exists(os.environ['GO']): time.sleep(0.02)\n")
    found = repo.path.parent / "go-on"
    for name, value in (("GO", str(found)), ("GITEXP_ENGINE", "cluster"), ("GITEXP_JOB", "7_0")):
        monkeypatch.setenv(name, value)
    repo.gitexp("run", "--queue", "-q", "-n", "one", *TRAIN)
    return found


def status(repo: Workspace) -> Status:
    (one,) = experiments(repo)
    return one.record.status


def begun(repo: Workspace) -> int:
    """Begin the job and have it ended by SIGTERM in the middle of its run; its exit status."""
    process = repo.start(*JOB)
    until(lambda: status(repo) is Status.RUNNING)
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


def test_a_job_that_is_started_again_goes_on_with_its_run(repo: Workspace, go_on: Path) -> None:
    begun(repo)
    assert status(repo) is Status.INTERRUPTED
    go_on.touch()
    repo.gitexp(*JOB, env={"GITEXP_JOB": "8_0"})
    assert status(repo) is Status.INTERRUPTED  # another job has no business with it
    kill(repo, "engine:preempted", *JOB)
    repo.gitexp(*JOB)
    (one,) = experiments(repo)
    assert (one.record.status, one.record.tries, one.record.job) == (Status.DONE, 1, "7_0")
    repo.gitexp(*JOB)
    assert [each.id for each in experiments(repo)] == [one.id]
    assert_sound(repo)


def test_a_job_whose_time_is_up_puts_its_run_back_and_asks_to_be_started_again(
    repo: Workspace, go_on: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = go_on.with_name("ending")
    ending.touch()
    monkeypatch.setenv("GITEXP_JOB_ENDING", str(ending))
    assert begun(repo) == 75
    assert status(repo) is Status.QUEUED
    assert begun(repo) == 75
    assert begun(repo) != 75  # for the third time without a checkpoint
    assert status(repo) is Status.INTERRUPTED
