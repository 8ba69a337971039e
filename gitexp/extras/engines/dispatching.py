"""Experiments for an engine: all of a queue, or one after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from gitexp import errors
from gitexp.extras.engines import checking, settings
from gitexp.extras.engines.checking import PlaceCheck
from gitexp.extras.engines.dispatcher import Dispatcher
from gitexp.extras.engines.engine import Engine, EngineSettings
from gitexp.extras.engines.jobs_file import JobsFile
from gitexp.extras.engines.reach import Reach, SharedDisk
from gitexp.extras.engines.remote_reach import RemoteReach
from gitexp.extras.engines.workforces import EngineCrew, EnginePool
from gitexp.extras.queue.signals import presses
from gitexp.extras.queue.workers import USUAL, Orders
from gitexp.project.project import Project
from gitexp.project.sections.engine_choice import BY_ENGINE, EngineChoice


@contextlib.contextmanager
def pool(
    project: Project, jobs: int, names: Sequence[str], orders: Orders, choice: EngineChoice
) -> Iterator[EnginePool]:
    """Give the jobs of queued experiments. If this process dies, jobs that the engine keeps are begun."""
    with presses() as pressed, _dispatcher(project, jobs, orders, choice) as dispatcher:
        dispatcher.give(names)
        yield EnginePool(dispatcher, pressed)


@contextlib.contextmanager
def crew(
    project: Project, jobs: int, orders: Orders, choice: EngineChoice, otherwise: int
) -> Iterator[EngineCrew]:
    """Give the workforce for experiments planned one after the other, `jobs` at a time.

    BY_ENGINE: the number of the engine's places, or `otherwise` if the engine takes any number.
    """
    with _dispatcher(project, jobs, orders, choice) as dispatcher:
        yield EngineCrew(dispatcher, jobs, otherwise)


def detach(project: Project, jobs: int, names: Sequence[str], orders: Orders, choice: EngineChoice) -> None:
    """Submit jobs that outlive this process; raises UsageError for an engine that does not keep jobs."""
    with _dispatcher(project, jobs, orders, choice) as dispatcher:
        if not dispatcher.keeps_jobs:
            raise errors.UsageError(
                f"Jobs of '{choice.name}' wait in this process, so they end with it.",
                "Leave --detach out, and run the command in tmux, say, or with nohup.",
            )
        dispatcher.give(names)


def require_usable(project: Project, choice: EngineChoice) -> None:
    """Raise ConfigError, UsageError or NoRemote for an engine that cannot be used, before a run is stored."""
    found = settings.settings_of(project, choice)
    settings.made(found).close()
    _reach(project, found, USUAL)


def cancel(project: Project, engine: str, job: str) -> None:
    """End a job by SIGTERM, so that its run is stored. Raises UsageError, EngineAway and ExperimentError.

    A record may come from another repository, whose engine calls its jobs alike.
    """
    if all(one.id != job for one in JobsFile(project.local, engine).read().values()):
        raise errors.ExperimentError(
            f"The engine '{engine}' was given the job {job} somewhere else.",
            "Stop it in the repository that has begun it.",
            code="not-running",
        )
    made = settings.made(settings.settings_of(project, EngineChoice(engine)))
    try:
        made.cancel([job])
    finally:
        made.close()


def remote_of(project: Project, choice: EngineChoice) -> str:
    """The Git remote by which the jobs of an engine get their runs; "" without. Raises UsageError."""
    return settings.settings_of(project, choice).remote


def check(project: Project, choice: EngineChoice, patience: float) -> list[PlaceCheck]:
    """What jobs of an engine would find, at each of its places. Raises UsageError and EngineAway."""
    found = settings.settings_of(project, choice)
    probe = _reach(project, found, USUAL).probe()
    engine: Engine = settings.made(found)
    try:
        return checking.check(engine, probe, patience)
    finally:
        engine.close()


@contextlib.contextmanager
def _dispatcher(project: Project, jobs: int, orders: Orders, choice: EngineChoice) -> Iterator[Dispatcher]:
    found = settings.settings_of(project, choice)
    if jobs != BY_ENGINE:
        found = found._replace(most=jobs)
    engine: Engine = settings.made(found)
    reach = _reach(project, found, orders)
    file = JobsFile(project.local, found.name)
    dispatcher = Dispatcher(engine, reach, file, orders.max_retries)
    try:
        yield dispatcher
    finally:
        dispatcher.finish()
        engine.close()


def _reach(project: Project, found: EngineSettings, orders: Orders) -> Reach:
    if found.remote:
        return RemoteReach(project, found, orders)
    return SharedDisk(project, found, orders)
