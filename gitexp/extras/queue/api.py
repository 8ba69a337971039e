"""The queue, from Python: `gitexp.queue`. Each function does the work of one command of `gitexp queue`.

Experiments are named as on the command line, patterns such as `lr-*` among them. Nothing is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gitexp import errors, plugins
from gitexp.catalog import by_words, lookup
from gitexp.extras.queue import pool, queue
from gitexp.extras.queue import workers as at_work_here
from gitexp.extras.queue.workers import USUAL, Orders, Worker
from gitexp.files.command_words.choices import has_several
from gitexp.history import remove as removal
from gitexp.model import Experiment, Status, readable
from gitexp.named_tuple import NamedTuple
from gitexp.process.limits import NO_LIMITS, Limits
from gitexp.project.project import Project
from gitexp.project.sections.engine_choice import EngineChoice, at_a_time
from gitexp.runs.planning.plan import Once, PlannedPoint, plan
from gitexp.runs.request import RunRequest

if TYPE_CHECKING:  # it takes as long to import as all else here
    from gitexp.extras.queue.exchange import RemoteQueue

__all__ = [
    "Moved",
    "Orders",
    "WorkedOff",
    "add",
    "detach",
    "experiments",
    "move",
    "pull",
    "push",
    "remove",
    "retry",
    "start",
    "stop",
    "workers",
]


class WorkedOff(NamedTuple):
    """The result of working off the queue.

    Attributes:
        ended: the experiments ended meanwhile.
        interrupted: whether Ctrl-C was pressed: then some runs may be left.
    """

    ended: Sequence[Experiment]
    interrupted: bool


class Moved(NamedTuple):
    """The runs that went to a queue, or came from it.

    Attributes:
        experiments: the moved runs.
        left: a sentence for each unmoved run.
    """

    experiments: Sequence[Experiment]
    left: Sequence[str]


def _nothing() -> None:
    """Look at nothing."""


def add(project: Project, request: RunRequest) -> Experiment:
    """Store a run for later, with the code of now; the queued experiment. Several values are a sweep's.

    Raises the errors of `run_experiment` from before the start of the command.
    """
    if has_several(request.overrides):
        raise errors.UsageError(
            f"These are several runs: {', '.join(request.overrides)}.",
            "gitexp.sweeps.plan(project, request) stores them; one text with commas goes in quotes.",
        )
    points = [PlannedPoint(tuple(request.overrides))]
    return plan(project, request._replace(overrides=()), points, once=Once.NEVER).queued[0]


def experiments(project: Project) -> list[Experiment]:
    """The running and the queued experiments, these in the order of their start."""
    every = project.store.all()
    running = [one for one in readable(every) if one.record.status is Status.RUNNING]
    return [*running, *queue.in_order(project, every)]


def workers(project: Project) -> list[Worker]:
    """The living workers of this machine."""
    return at_work_here.at_work(project.local)


def start(
    project: Project,
    jobs: int | None = None,
    orders: Orders = USUAL,
    *,
    on_end: Callable[[Experiment], None] = lambda one: None,
    look: Callable[[], None] = _nothing,
    engine: EngineChoice | None = None,
) -> WorkedOff:
    """Run the queued experiments, `jobs` runs at a time, until nothing waits.

    Without `jobs` one at a time, or with an engine as many as the engine takes.
    Ctrl-C lets the present runs finish, and Ctrl-C once more ends them. `on_end` is told of each run
    at its end, and `look` is called twice a second. `engine` runs them; None for workers of this machine.
    Raises GitexpError if a worker has failed.
    """
    waiting = _due(project, orders, engine)
    at_work_here.forget_fallen(project.local)
    if not waiting:
        return WorkedOff([], interrupted=False)
    ended = queue.EndedRuns(project, on_end)

    def look_at_both() -> None:
        ended.look()
        look()

    names = [one.name for one in waiting]
    most = min(at_a_time(jobs, engine), len(names))
    with pool.workforce(project, most, names, orders, engine) as at_work:
        stopped = at_work.wait(look_at_both, lambda remark: None)
        at_work.require_well()
    return WorkedOff(ended.found, stopped)


def detach(
    project: Project, jobs: int | None = None, orders: Orders = USUAL, *, engine: EngineChoice | None = None
) -> int:
    """Start workers that outlive this process; their number, 0 if nothing waits.

    With `engine`, its jobs outlive this process, and the number is the number of runs. Raises UsageError for
    an engine without lasting jobs.
    """
    waiting = _due(project, orders)
    at_work_here.forget_fallen(project.local)
    most = min(at_a_time(jobs, engine), len(waiting))
    if engine is None or not waiting:
        pool.detach(project, most, orders)
        return most
    plugins.load("dispatch", "detach")(project, most, [one.name for one in waiting], orders, engine)
    return len(waiting)


def _due(project: Project, orders: Orders, engine: EngineChoice | None = None) -> list[Experiment]:
    """The runs waiting for workers, with the runs of dead workers."""
    queue.requeue_lost(project, max_retries=orders.max_retries)
    if orders.remote is None:
        return queue.queued(project, at=pool.places_of(project, engine))
    return [run.experiment for run in _queue_of(project, orders.remote).runs()]


def stop(project: Project, *, kill: bool = False) -> list[Worker]:
    """Let the workers of this machine end after their present runs, or with `kill` now; the workers.

    Raises GitexpError for workers still running in spite of `kill`.
    """
    found = workers(project)
    if kill:
        at_work_here.end_now(project.local, found)
    else:
        for worker in found:
            worker.ask_to_stop()
    return found


def remove(project: Project, names: Sequence[str]) -> list[Experiment]:
    """Take experiments out of the queue, into the trash; `undo` brings them back.

    Raises ExperimentError, with nothing changed, if any of them is not in the queue.
    """
    found = _waiting(project, names)
    removal.remove(project, found)
    plugins.load("dispatch", "drop")(project, found)
    return found


def move(project: Project, names: Sequence[str], *, last: bool = False) -> list[Experiment]:
    """Put queued experiments before all others, or with `last` behind them. Raises the errors of `remove`."""
    found = queue.in_wanted_order(names, _waiting(project, names))
    queue.move(project, found, last=last)
    return found


def retry(
    project: Project, names: Sequence[str], limits: Limits = NO_LIMITS, *, resume: bool | None = None
) -> list[Experiment]:
    """Put ended runs back into the queue, with their code and params; the runs before the change.

    `limits` replace their own. With `resume`, by default as gitexp.yaml says, they go on from their last
    checkpoints. Raises ExperimentError for a live run, or a run never queued.
    """
    found = _named(project, names)
    queue.retry(project, found, limits, resume=resume)
    return found


def push(project: Project, names: Sequence[str] | None = None, remote: str | None = None) -> Moved:
    """Let queued runs, by default all, wait at a Git remote, where the workers of every clone take them."""
    there = _queue_of(project, remote)
    places = ("", there.name)
    found = _chosen(project, names)
    for one in found:
        if names is not None and (
            one.record.status is not Status.QUEUED or one.record.waits_at not in places
        ):
            raise queue.not_waiting([one])
    waiting = [one for one in found if one.record.waits_at in places]
    return Moved(*there.hand_over(waiting))


def pull(project: Project, names: Sequence[str] | None = None, *, force: bool = False) -> Moved:
    """Take queued runs, by default all from here, back from the Git remotes where they wait.

    With `force`, a run comes from its worker too: for a worker known to be dead.
    """
    back, left = list[Experiment](), list[str]()
    found = _chosen(project, names)
    away = [one for one in found if one.record.status is Status.QUEUED and one.record.waits_at]
    for one in found:
        if names is not None and one not in away:
            raise queue.not_waiting([one])
    for remote in dict.fromkeys(one.record.waits_at for one in away):
        some = [one for one in away if one.record.waits_at == remote]
        taken, others = _queue_of(project, remote).take_back(some, force=force)
        back.extend(taken)
        left.extend(others)
    return Moved(back, left)


def _chosen(project: Project, names: Sequence[str] | None) -> list[Experiment]:
    """The experiments with some names; all queued ones without names."""
    if names is None:
        return queue.in_order(project)
    return _named(project, names)


def _named(project: Project, names: Sequence[str]) -> list[Experiment]:
    return [lookup.require_own(project, name) for name in by_words.expanded(project, names)]


def _waiting(project: Project, names: Sequence[str]) -> list[Experiment]:
    """The queued experiments with some names; raises ExperimentError for others."""
    found = _named(project, names)
    if others := [one for one in found if not queue.waits_here(one)]:
        raise queue.not_waiting(others)
    return found


def _queue_of(project: Project, remote: str | None) -> RemoteQueue:
    found: RemoteQueue = plugins.load("queue", "remote")(project, remote)
    return found
