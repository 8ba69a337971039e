"""How jobs get at the queued experiments, and where the ends of the runs appear."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from gitexp.extras.engines.engine import EngineSettings, Job
from gitexp.extras.queue import queue
from gitexp.extras.queue.workers import Orders
from gitexp.model import Experiment, readable
from gitexp.project.project import Project
from gitexp.repo.watched import Watched
from gitexp.runs.recover import finish_lost_job


class Reach(Protocol):
    """The way of jobs to experiments and back."""

    def prepare(self, names: Sequence[str]) -> None:
        """See to it that jobs can take some queued experiments. Raises GitexpError."""

    def job(self, name: str) -> Job:
        """The job that runs a queued experiment."""

    def look(self, names: Collection[str]) -> Mapping[str, Experiment]:
        """The experiments with some names, as they are now; those that are gone are left out."""

    def put_back(self, one: Experiment) -> None:
        """Store the end of a run whose job has ended in its middle; it goes back into the queue if it may.

        A run that its own process is just ending is left alone.
        """


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
        python = self._settings.python or sys.executable
        words = [python, "-P", "-m", "gitexp", "engine", "job", name, *self._orders.words()]
        return Job(name, words, str(self._project.here))

    def look(self, names: Collection[str]) -> Mapping[str, Experiment]:
        found = {}
        for one in readable(self._watched.all()):
            if one.name in names:
                found[one.name] = one
        return found

    def put_back(self, one: Experiment) -> None:
        finish_lost_job(self._project, one.name)
        queue.requeue_lost(self._project, max_retries=self._orders.max_retries)
