"""A kill while experiments are jobs of an engine: none is lost, and none runs twice."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from gitexp.model import Status
from tests.support.engines import experiments_of
from tests.support.kills import KILLED, assert_sound, kill
from tests.support.workspace import TIMEOUT, Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")

POINTS = {"engine:noted", "requeue:stored"}
AS_JOB = {"GITEXP_ENGINE": "some", "GITEXP_JOB": "7"}


def counting(repo: Workspace, seconds: float) -> Path:
    """The file in which each execution of `mark.sh` leaves a line, before it takes some seconds."""
    log = repo.path.parent / "begun"
    repo.write("mark.sh", f"echo $GITEXP_NAME >> {log}\nsleep {seconds}\n")
    return log


def all_done(repo: Workspace) -> bool:
    return {one.record.status for one in experiments_of(repo).values()} == {Status.DONE}


def wait_for(repo: Workspace, log: Path, count: int) -> None:
    until = time.monotonic() + TIMEOUT
    while not log.exists() or len(log.read_text().split()) < count:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_dispatcher_killed_when_it_has_given_its_jobs(repo: Workspace) -> None:
    log = counting(repo, 0.3)
    grid = ("run", "-S", "args.n=1,2,3", "--engine", "local", "-j", "2", "--", "sh", "mark.sh", "--n", "0")
    kill(repo, "engine:noted", *grid)
    repo.gitexp(*grid)
    until = time.monotonic() + TIMEOUT
    while not all_done(repo):
        assert time.monotonic() < until
        time.sleep(0.05)
    names = log.read_text().split()
    assert sorted(names) == sorted(experiments_of(repo))
    assert_sound(repo)


def test_a_dispatcher_killed_while_jobs_are_at_work_and_two_at_a_time(repo: Workspace) -> None:
    log = counting(repo, 0.5)
    numbers = ",".join(map(str, range(6)))
    repo.gitexp("run", "--queue", "-q", "-S", f"args.n={numbers}", "--", "sh", "mark.sh", "--n", "0")
    start = ("queue", "start", "--engine", "local", "-j", "2")
    first = repo.start(*start)
    wait_for(repo, log, 2)
    os.kill(first.pid, signal.SIGKILL)
    both = [repo.start(*start), repo.start(*start)]
    assert [process.wait(TIMEOUT) for process in both] == [0, 0]
    assert all_done(repo)
    assert sorted(log.read_text().split()) == sorted(experiments_of(repo))
    assert_sound(repo)


def test_a_job_killed_while_it_puts_its_own_run_back(repo: Workspace) -> None:
    log = counting(repo, 60)
    repo.gitexp("run", "--queue", "-q", "-n", "one", "--", "sh", "mark.sh")
    job = repo.start("engine", "job", "one", env=AS_JOB)
    wait_for(repo, log, 1)
    job.terminate()
    job.wait(TIMEOUT)
    failing = {**AS_JOB, "GITEXP_FAILPOINT": "requeue:stored"}
    assert repo.gitexp("engine", "job", "one", env=failing, check=False).exit_code == KILLED
    assert experiments_of(repo)["one"].record.status is Status.INTERRUPTED
    again = repo.start("engine", "job", "one", env=AS_JOB)
    wait_for(repo, log, 2)
    again.terminate()
    again.wait(TIMEOUT)
    one = experiments_of(repo)["one"].record
    assert (one.status, one.tries, one.job) == (Status.INTERRUPTED, 1, "7")
    assert_sound(repo)
