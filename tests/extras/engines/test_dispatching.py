"""Experiments as jobs of an engine: what is run, what is taken on again, and what is done when jobs die."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitexp import errors
from gitexp.extras.engines.dispatcher import Dispatcher
from gitexp.extras.engines.engine import EngineSettings
from gitexp.extras.engines.jobs_file import JobsFile
from gitexp.extras.engines.local import LocalEngine
from gitexp.extras.engines.reach import SharedDisk
from gitexp.extras.queue.workers import USUAL
from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from tests.support.processes import until
from tests.support.workspace import Workspace

TRAIN = ("--", sys.executable, "train.py")


def experiments(repo: Workspace) -> dict[str, Experiment]:
    project = Project.open(repo.path, any_config=True)
    return {one.name: one for one in project.store.readable()}


@contextlib.contextmanager
def dispatcher(repo: Workspace, most: int = 1, python: str = "") -> Iterator[Dispatcher]:
    project = Project.open(repo.path)
    settings = EngineSettings("local", "local", most=most, python=python)
    with contextlib.closing(LocalEngine(settings)) as engine:
        reach = SharedDisk(project, settings, USUAL)
        yield Dispatcher(engine, reach, JobsFile(project.local, "local"), USUAL.max_retries)


def worked_off(at_work: Dispatcher, is_so: Callable[[], bool] = lambda: False) -> None:
    def step() -> bool:
        at_work.step()
        return not at_work.names or is_so()

    until(step)


def test_a_grid_runs_as_jobs_and_leaves_the_workspace_alone(repo: Workspace) -> None:
    result = repo.gitexp("run", "-S", "train.lr=0.1,0.2", "--engine", "local", "-j", "2", *TRAIN)
    assert "2 runs" in result.stderr
    found = experiments(repo)
    assert [one.record.status for one in found.values()] == [Status.DONE, Status.DONE]
    assert {one.record.engine for one in found.values()} == {"local"}
    assert len({one.record.job for one in found.values()}) == 2
    assert repo.git("status", "--porcelain") == ""


def test_one_run_and_the_queue_and_a_search_run_there_too(repo: Workspace) -> None:
    repo.gitexp("run", "--engine", "local", "-n", "alone", *TRAIN)
    repo.gitexp("run", "--queue", "-q", "-n", "later", "-S", "train.lr=0.3", *TRAIN)
    repo.gitexp("queue", "start", "--engine", "local")
    search = ("-S", "train.lr=uniform(0.1,0.9)", "--trials", "2", "--objective", "loss", "--method", "random")
    repo.gitexp("run", *search, "--engine", "local", *TRAIN)
    found = experiments(repo)
    assert len(found) == 4
    assert {(one.record.status, one.record.engine) for one in found.values()} == {(Status.DONE, "local")}


def test_a_run_whose_job_is_killed_becomes_a_job_again(
    repo: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.write("train.py", "import os, time\nwhile not os.path.exists(os.environ['GO']): time.sleep(0.02)\n")
    go = repo.path.parent / "go"
    monkeypatch.setenv("GO", str(go))
    repo.gitexp("run", "--queue", "-q", "-n", "one", *TRAIN)
    with dispatcher(repo) as at_work:
        at_work.give(["one"])
        worked_off(at_work, lambda: experiments(repo)["one"].record.status is Status.RUNNING)
        first = experiments(repo)["one"].record
        assert first.process is not None
        os.kill(first.process.pid, signal.SIGKILL)
        go.touch()
        worked_off(at_work)
    last = experiments(repo)["one"].record
    assert (last.status, last.tries) == (Status.DONE, 1)
    assert last.job != first.job


def test_jobs_that_cannot_begin_are_given_up_and_the_run_waits(repo: Workspace, tmp_path: Path) -> None:
    wrong = tmp_path / "python"
    wrong.write_text("#!/bin/sh\necho 'error: no gitexp here' >&2\nexit 1\n")
    wrong.chmod(0o755)
    repo.gitexp("run", "--queue", "-q", "-n", "one", *TRAIN)
    with dispatcher(repo, python=str(wrong)) as at_work:
        at_work.give(["one"])
        worked_off(at_work)
        with pytest.raises(errors.GitexpError, match="No job could begin one: no gitexp here") as raised:
            at_work.require_well()
    assert raised.value.code == "engine-failed"
    assert experiments(repo)["one"].record.status is Status.QUEUED


def test_what_waits_is_dropped_and_the_present_run_finishes(repo: Workspace) -> None:
    for name in ("one", "two", "three"):
        repo.gitexp("run", "--queue", "-q", "-n", name, "-S", f"train.lr=0.{len(name)}", *TRAIN)
    with dispatcher(repo) as at_work:
        at_work.give(["one", "two", "three"])
        worked_off(at_work, lambda: experiments(repo)["one"].record.status is not Status.QUEUED)
        at_work.let_finish()
        worked_off(at_work)
        at_work.require_well()
    found = {name: one.record.status for name, one in experiments(repo).items()}
    assert found == {"one": Status.DONE, "two": Status.QUEUED, "three": Status.QUEUED}


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("engines: {lab: {hosts: [a]}}", "the engine 'lab' has no kind"),
        ("engines: {lab: {kind: local, jobs: many}}", "'jobs' must be a number"),
        ("engines: {lab: {kind: local, job: 2}}", "has no option 'job'"),
        ("engines: {lab: {kind: lokal}}", "There is no engine called 'lokal'"),
        ("engines: [lab]", "must be a mapping"),
    ],
)
def test_a_wrong_section_is_told(repo: Workspace, section: str, told: str) -> None:
    repo.write("gitexp.yaml", section + "\n")
    result = repo.gitexp("run", "--engine", "lab", *TRAIN, check=False)
    assert result.exit_code in (1, 2)
    assert told in result.stderr
    assert experiments(repo) == {}


def test_an_unknown_engine_is_told_with_those_there_are(repo: Workspace) -> None:
    result = repo.gitexp("run", "--engine", "locl", *TRAIN, check=False)
    assert "There is no engine called 'locl'." in result.stderr
    assert "local" in result.stderr
    assert repo.gitexp("run", "--scheduler", "tcp://a:1", *TRAIN, check=False).exit_code == 2
    listed = repo.gitexp("engine").stdout
    assert "local  local" in listed
