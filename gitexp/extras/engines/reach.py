"""How jobs get at the queued experiments, and where the ends of the runs appear."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from gitexp.extras.engines import restart
from gitexp.extras.engines.engine import EngineSettings, Job
from gitexp.extras.queue import queue
from gitexp.extras.queue.workers import Orders
from gitexp.model import Experiment, Status, readable
from gitexp.project.project import Project
from gitexp.repo.watched import Watched
from gitexp.runs.ongoing.recover import finish_lost_jobs


class Reach(Protocol):
    """The way of jobs to experiments and back."""

    def prepare(self, names: Sequence[str]) -> None:
        """Make some queued experiments available to jobs. Raises GitexpError."""

    def job(self, name: str) -> Job:
        """The job that runs a queued experiment."""

    def probe(self) -> Job:
        """The job that checks the needs of jobs."""

    def look(self, names: Collection[str], *, fresh: bool = False) -> Mapping[str, Experiment]:
        """The experiments with some names; removed experiments are left out.

        The answer may be some seconds old, unless it must be `fresh`. Then EngineAway is raised if nobody can
        tell.
        """

    def put_back(self, lost: Sequence[Experiment], made_room: Collection[str] = ()) -> None:
        """Store the ends of runs cut off by the end of their jobs, and queue the runs allowed another try.

        A run with a living process, also one storing the end, is left alone. An interrupted run of `lost` was
        preempted, with its end stored. The tries of `made_room` do not count.
        """


def words_of_place(settings: EngineSettings) -> list[str]:
    """The words of a job that say where on its machine its run works, and in which environment."""
    words = list[str]()
    if settings.scratch:
        words += ["--scratch", settings.scratch]  # its machine knows the variables
    if settings.environment:
        words += ["--environment", settings.environment]
    return words


class SharedDisk:
    """Jobs work in this repository: they see its folder, under the same path."""

    def __init__(self, project: Project, settings: EngineSettings, orders: Orders) -> None:
        self._project = project
        self._settings = settings
        self._orders = orders
        self._watched = Watched(project.store)

    def prepare(self, names: Sequence[str]) -> None:
        pass

    def job(self, name: str) -> Job:
        words = self._command("job", name, *self._orders.words(), *words_of_place(self._settings))
        return Job(name, words, str(self._project.here))

    def probe(self) -> Job:
        return Job("check", self._command("probe", *words_of_place(self._settings)), str(self._project.here))

    def _command(self, *words: str) -> list[str]:
        return [self._settings.python or sys.executable, "-P", "-m", "gitexp", "engine", *words]

    def look(self, names: Collection[str], *, fresh: bool = False) -> Mapping[str, Experiment]:
        found = {}
        for one in readable(self._watched.all()):
            if one.name in names:
                found[one.name] = one
        return found

    def put_back(self, lost: Sequence[Experiment], made_room: Collection[str] = ()) -> None:
        running = [one.name for one in lost if one.record.status is Status.RUNNING]
        finish_lost_jobs(self._project, running)
        most = self._orders.max_retries
        for one in self.look(made_room).values():
            if one.record.status is Status.INTERRUPTED:
                restart.put_back_preempted(self._project, one, most, counts=False)
        queue.requeue_lost(self._project, max_retries=most)
        for one in lost:
            if one.record.status is Status.INTERRUPTED and one.name not in made_room:
                restart.put_back_preempted(self._project, one, most)
