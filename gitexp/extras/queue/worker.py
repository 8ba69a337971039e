"""What a worker does: take a queued experiment, run it in an isolated workspace, and take the next."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gitexp import errors, plugins
from gitexp.extras.queue import queue, signals
from gitexp.extras.queue.signals import Asked
from gitexp.extras.queue.workers import Orders, Worker
from gitexp.failpoints import failpoint
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.process import limits
from gitexp.process.guard import Guard
from gitexp.process.limits import Limits
from gitexp.project.project import Project
from gitexp.repo import worktrees
from gitexp.repo.experiments import PREFIX
from gitexp.repo.watched import Watched
from gitexp.runs.begin import Claim, LiveRun, begin
from gitexp.runs.end import end
from gitexp.runs.execute import execute
from gitexp.runs.executor import executor
from gitexp.runs.ongoing.recover import finish_dead_runs
from gitexp.runs.prepare import of_queued
from gitexp.runs.request import RunRequest

if TYPE_CHECKING:  # most workers never need it
    from gitexp.extras.queue.shared import SharedQueue

_PAUSE = 0.05  # seconds before another look at the queue
_PAUSE_AT_REMOTE = 2.0

# Errors that are the experiment's own: it has failed, and the worker goes on with the next.
_ITS_OWN = frozenset(
    {
        *("usage", "no-command", "command-not-found", "unknown-param", "unknown-stage", "invalid-override"),
        *("invalid-metric", "parse-error", "bad-config", "bad-file", "snapshot-refused", "secret-missing"),
    }
)

# Of the data of a run: another run may have its own.
_OF_DATA = frozenset({"transfer-failed", "missing-data", "not-on-remote", "damaged-object"})


def work(
    project: Project,
    worker: Worker,
    orders: Orders,
    names: Collection[str] | None,
    is_alone: Callable[[], bool],
    guard: Callable[[Limits, str], Guard] = Guard,
    there: SharedQueue | None = None,
) -> None:
    """Run queued experiments in turn, until none is left or the worker must stop.

    A job of an engine has one run. `names`: the experiments to run; None for all queued ones. `is_alone`:
    whether nobody waits for the worker any more. `guard` makes the guard over the processes of a run.
    `there`: the queue of a Git remote, if open already. Raises GitexpError for trouble common to all runs;
    the other runs stay in the queue.
    """
    watched = Watched(project.store)
    with _nowhere() as descriptor, signals.listening() as asked:
        request = RunRequest(stdout=descriptor, stderr=descriptor, guard=guard, scratch=orders.scratch)
        if there is None and orders.remote is not None:
            there = plugins.load("queue", "shared")(
                project, orders.remote, orders.max_retries, lambda: worker.is_to_stop
            )
        shift = _Shift(project, worker, orders, names, request, watched, there)
        while not (asked.to_end or worker.is_to_stop or is_alone()):
            try:
                if not shift.run_next(asked) or (orders.job and not shift.has_to_deliver):
                    break
            except KeyboardInterrupt:
                asked.to_end = True
            if worker.has_to_go_on():
                asked.to_end = False
    if there is not None:
        there.require_all_well()


class _Shift(NamedTuple):
    """A worker at work.

    Attributes:
        project, worker, orders, names: the arguments of `work`.
        request: the request for each run.
        watched: the experiments.
        there: the queue of a Git remote, if the worker takes runs from there.
    """

    project: Project
    worker: Worker
    orders: Orders
    names: Collection[str] | None
    request: RunRequest
    watched: Watched
    there: SharedQueue | None

    @property
    def has_to_deliver(self) -> bool:
        """Whether the outcome of a run is still to be pushed."""
        return self.there is not None and self.there.has_to_deliver

    def run_next(self, asked: Asked) -> bool:
        """Run the first queued experiment for this worker; False for an empty queue."""
        finish_dead_runs(self.project)
        with contextlib.ExitStack() as held:
            live = self._next(held)
            if live is None:
                return False
            try:
                with self._signs_of_life(live):
                    ended = execute(live, executor(self.request.executor))
                    asked.to_end = asked.to_end or ended.signal is not None
                    if self.orders.keep_worktree and ended.exit_code and not ended.interrupted:
                        live = _kept(live)
                    end(live, ended)
                    self.project.repo.pack_if_many(PREFIX)
                    if self.there is not None:
                        self.there.deliver(live.experiment.name)
            except errors.GitexpError as error:
                if error.code not in _ITS_OWN:
                    raise  # the next run would fare no better
        return True

    def _next(self, held: contextlib.ExitStack) -> LiveRun | None:
        """The begun run of the first queued experiment for this worker; None for an empty queue."""
        while waiting := self._waiting():
            for one in waiting:
                lock = self.project.local.try_lock(queue.lock_name(one.name))
                if lock is None:
                    continue
                try:
                    live = self._taken(one, held)
                finally:
                    lock.release()
                if live is not None:
                    return live
            time.sleep(_PAUSE if self.there is None else _PAUSE_AT_REMOTE)  # others are just taking all
        return None

    def _waiting(self) -> list[Experiment]:
        """The queued experiments, the first to run first, with those of dead workers among them."""
        every = self.watched.all()
        if queue.requeue_lost(self.project, every, self.orders.max_retries):
            every = self.watched.all()
        if self.there is not None:
            return self.there.waiting(self.names, every)
        return queue.queued(self.project, self.names, every)

    def _taken(self, one: Experiment, held: contextlib.ExitStack) -> LiveRun | None:
        """The run of an experiment, begun; None if it cannot begin, or somebody else was quicker."""
        if self.there is not None:
            return self._taken_there(self.there, one, held)
        if self.project.repo.resolve(f"{PREFIX}{one.name}") != one.id:
            return None
        try:
            return self._begun(Claim(one, self.worker.name), held)
        except errors.AlreadyTaken:
            return None
        except errors.GitexpError as error:
            if error.code not in _ITS_OWN:
                raise  # a full disk, say: the next run would fare no better
            queue.refuse(self.project, one, error)
            return None

    def _taken_there(self, there: SharedQueue, one: Experiment, held: contextlib.ExitStack) -> LiveRun | None:
        """The same for a run waiting at a Git remote: a run that cannot begin here waits for others."""
        try:
            return self._begun(there.claim(one, self.worker.name), held)
        except errors.AlreadyTaken:
            there.give_back(one.name)
            return None
        except errors.GitexpError as error:
            there.give_back(one.name)
            if error.code not in _ITS_OWN and error.code not in _OF_DATA:
                raise
            there.put_aside(one.name, error)
            return None

    def _signs_of_life(self, live: LiveRun) -> contextlib.AbstractContextManager[None]:
        if self.there is not None:
            return self.there.alive(live.experiment)
        return contextlib.nullcontext()

    def _begun(self, claim: Claim, held: contextlib.ExitStack) -> LiveRun:
        """The run of a queued experiment, from now on this worker's."""
        claim = claim._replace(engine=self.orders.engine, job=self.orders.job)
        own = limits.from_record(claim.queued.record.limits)
        if own == Limits():
            own = self.orders.limits
        request = self.request._replace(limits=own)
        with contextlib.ExitStack() as attempt:
            ready = of_queued(self.project, request, claim.queued, attempt)
            failpoint("queue:ready")
            live = begin(self.project, request, ready, attempt, claim)
            held.push(attempt.pop_all())
        return live


def _kept(live: LiveRun) -> LiveRun:
    """The live run, with its workspace left alone by later runs, and a sentence that says so."""
    root = live.ready.workspace.root
    worktrees.keep(root)
    record = live.experiment.record
    told = f"its workspace is kept until it is removed: {root}"
    return live._replace(
        experiment=live.experiment._replace(record=replace(record, warnings=(*record.warnings, told)))
    )


@contextlib.contextmanager
def _nowhere() -> Iterator[int]:
    """Give a descriptor for output to be logged and not shown."""
    with Path(os.devnull).open("wb") as nowhere:
        yield nowhere.fileno()
