"""An engine that does what a test says, and what there is to count."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import count
from pathlib import Path

from gitexp import errors
from gitexp.extras.engines.dispatcher import Dispatcher
from gitexp.extras.engines.engine import ENGINE, JOB, Engine, EngineSettings, Job, JobReport, JobState
from gitexp.extras.engines.jobs_file import JobsFile
from gitexp.extras.engines.reach import SharedDisk
from gitexp.extras.queue.workers import USUAL
from gitexp.model import Experiment
from gitexp.project.project import Project
from tests.support.forkserver import Background
from tests.support.processes import until
from tests.support.workspace import Workspace, fork_server

_ids = count(1)


class ScriptedEngine:
    """Begins a job when the test says so, and says of it what the test says.

    Attributes:
        says: the reports by id.
        is_away: whether it answers nothing.
        refuses: why it takes no jobs; "" if it does.
        jobs: all jobs that it was given, by id.
        cancelled: the jobs that it was told to end.
        asked: the number of questions about jobs.
    """

    interval = 0.0
    keeps_jobs = True

    def __init__(self) -> None:
        self.says: dict[str, JobReport] = {}
        self.is_away = False
        self.refuses = ""
        self.jobs: dict[str, Job] = {}
        self.cancelled: list[str] = []
        self.asked = 0
        self._processes: list[Background] = []

    def describe(self) -> str:
        return "what a test says"

    def capacity(self) -> int:
        return 0

    def places(self) -> Sequence[str]:
        return ()

    def submit(self, jobs: Sequence[Job]) -> Sequence[str]:
        self._answer()
        if self.refuses:
            raise errors.GitexpError(self.refuses, code="engine-failed")
        ids = [f"job-{next(_ids)}" for _ in jobs]
        self.jobs.update(zip(ids, jobs, strict=True))
        self.says.update(dict.fromkeys(ids, JobReport(JobState.WAITING)))
        return ids

    def poll(self, ids: Collection[str]) -> Mapping[str, JobReport]:
        self._answer()
        self.asked += 1
        return {id: self.says[id] for id in ids if id in self.says}

    def cancel(self, ids: Collection[str]) -> None:
        self._answer()
        self.cancelled += ids

    def log(self, id: str) -> str:
        return "error: what it has said"

    def close(self) -> None:
        for process in self._processes:
            with process:
                process.kill()

    def _answer(self) -> None:
        if self.is_away:
            raise errors.EngineAway("The engine does not answer.")

    # -- for tests --------------------------------------------------------------------------------

    def id_of(self, name: str) -> str:
        """The last job of an experiment."""
        return [id for id, job in self.jobs.items() if job.name == name][-1]

    def submitted(self, name: str) -> int:
        """The number of jobs that an experiment has had."""
        return sum(job.name == name for job in self.jobs.values())

    def begin(self, name: str) -> Background:
        """Begin the last job of an experiment: the `gitexp` of its words, without the start of a Python."""
        id = self.id_of(name)
        job = self.jobs[id]
        self.says[id] = JobReport(JobState.RUNNING)
        variables = {**os.environ, ENGINE: "scripted", **job.variables, JOB: id}
        words = job.words[job.words.index("gitexp") + 1 :]
        process = fork_server().start_background(words, Path(job.folder), variables)
        self._processes.append(process)
        return process

    def say(self, name: str, state: JobState, *, is_preempted: bool = False) -> None:
        """Say something of the last job of an experiment from now on."""
        self.says[self.id_of(name)] = JobReport(state, is_preempted=is_preempted)


def dispatcher_of(project: Project, engine: Engine) -> Dispatcher:
    """A dispatcher with a file of its own."""
    reach = SharedDisk(project, EngineSettings("scripted", "scripted"), USUAL)
    return Dispatcher(engine, reach, JobsFile(project.local, "scripted"), USUAL.max_retries)


def steps(at_work: Dispatcher, end: Callable[[], object]) -> None:
    """Let a dispatcher work until something is so."""

    def is_so() -> object:
        at_work.step()
        return end()

    until(is_so)


def experiments_of(repo: Workspace) -> dict[str, Experiment]:
    """The experiments by name."""
    return {one.name: one for one in Project.open(repo.path).store.readable()}
