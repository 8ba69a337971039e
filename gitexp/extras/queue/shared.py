"""A worker at the queue of a Git remote: what it takes there, its signs of life, and what it brings back."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from gitexp import errors
from gitexp.datasets import sync, wanted
from gitexp.extras.queue import queue
from gitexp.extras.queue.exchange import RemoteQueue
from gitexp.extras.queue.queue_refs import RemoteRun
from gitexp.model import Experiment, Status, Stored
from gitexp.process.liveness import is_alive, is_of_this_start
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.runs.begin import Claim
from gitexp.runs.resuming.requeue import is_lost

SIGN_EVERY = 300.0  # seconds between two signs of life
PATIENCE = 600.0  # seconds that a remote may be away
_AGAIN = 5.0  # seconds between two tries to reach it
_FAREWELL = 10.0  # seconds for the last sign of life to end
_T = TypeVar("_T")


class SharedQueue:
    """The queue of the Git remote `name` for one worker.

    `home` is a folder of the repository, by default that of the project; `asked` what has been heard of the
    queue just now.

    Attributes:
        undelivered: the ends of runs that could not be pushed yet: by name, the reason.
        aside: the runs that cannot begin here, and wait for somebody else: by name, the reason.
    """

    def __init__(
        self,
        project: Project,
        name: str,
        max_retries: int,
        is_to_stop: Callable[[], bool],
        home: Path | None = None,
        asked: Sequence[RemoteRun] | None = None,
    ) -> None:
        self._project = project
        self._home = home or project.here
        self._asked = asked
        self._patience = PATIENCE
        self._there = RemoteQueue(project, name)
        self._max_retries = max_retries
        self._is_to_stop = is_to_stop
        self._runs: dict[str, RemoteRun] = {}
        self._granted = ""  # the record commit of the last claim, if the remote has granted it
        self.undelivered: dict[str, errors.GitexpError] = {}
        self.aside: dict[str, errors.GitexpError] = {}

    @property
    def has_to_deliver(self) -> bool:
        """Whether ends of runs are still to be pushed; not those of runs that are somebody else's by now."""
        return not all(isinstance(error, errors.AlreadyTaken) for error in self.undelivered.values())

    def waiting(self, names: Collection[str] | None, every: Collection[Stored]) -> list[Experiment]:
        """The runs that wait, the first to run first; `every` are all experiments here.

        First what is left of earlier runs is settled: ends that have not been pushed, and lost runs. Raises
        RemoteFailed when the remote has been away for long.
        """
        here = {one.name: one for one in every}
        wanted_names = None if names is None else {*names, *here}  # with the ends that are to be pushed
        runs, self._asked = self._asked, None
        if runs is None:
            runs = self._patiently(lambda: self._there.runs(wanted_names))
        settled = 0
        for run in runs:
            settled += self._is_settled(run, here.get(run.experiment.name))
        if settled:
            runs = self._patiently(lambda: self._there.runs(wanted_names))
        taken = {name.lower(): name for name in here}
        found = []
        self._runs = {}
        for run in runs:
            one = run.experiment
            if run.has_ended or one.record.status is not Status.QUEUED or one.name in self.aside:
                continue
            if names is not None and one.name not in names:
                continue
            if _goes_on(here.get(one.name), one):
                continue
            clash = taken.get(one.name.lower())
            if clash is not None and not _is_same(here[clash], one):
                self.put_aside(one.name, errors.NameTaken(f"Another experiment is called {clash} here."))
                continue
            self._runs[one.name] = run
            found.append(_with_edits(one, here.get(one.name)))
        return found

    def _is_settled(self, run: RemoteRun, here: Stored | None) -> bool:
        """Whether something was done about an ended run, or a run of a lost worker."""
        one = run.experiment
        if run.has_ended:
            self.undelivered.pop(one.name, None)
            self._patiently(lambda: self._there.forget([run]))
            return True
        if not isinstance(here, Experiment) or here.record.start != one.record.start:
            here = None
        if here is not None and self._there.is_ours(run, here):
            return self._is_settled_here(run, here)
        if here is not None and self._there.is_end_of(run, here):
            self.deliver(here.name)
            return here.name not in self.undelivered
        if (run.is_silent or self._has_died_here(one)) and one.record.tries < self._max_retries:
            live.forget_lost(self._project.local, one.record.start)
            return self._patiently(lambda: self._there.requeue(run, one))
        return False

    def _has_died_here(self, one: Experiment) -> bool:
        """Whether a worker of this clone has claimed a run, and died before the run was written down here."""
        process = one.record.process
        claimed = live.was_lost_here(self._project.local, one.record.start, self._there.name)
        if not claimed or process is None or is_alive(process) is not False:
            return False
        return is_of_this_start(process) or not self._project.local.is_shared

    def _is_settled_here(self, run: RemoteRun, here: Experiment) -> bool:
        """The same for a run that a worker of this clone has claimed."""
        if queue.waits_here(here):  # the user has put it into the queue here
            self._patiently(lambda: self._there.forget([run]))
            return True
        if not here.record.status.ended:
            return False
        start = here.record.start
        was_lost = is_lost(here) and live.was_lost_here(self._project.local, start, self._there.name)
        if was_lost and run.experiment.record.tries < self._max_retries:
            requeued = self._patiently(lambda: self._there.requeue(run, here))
            live.forget_lost(self._project.local, start)
            return requeued
        self.deliver(here.name)
        return here.name not in self.undelivered

    def _patiently(self, ask: Callable[[], _T]) -> _T:
        return patiently(ask, self._is_to_stop, self._patience)

    def claim(self, one: Experiment, worker: str) -> Claim:
        """The right to run an experiment, which the remote grants when the run begins; its data is brought.

        Raises the errors of a pull of data.
        """
        if self._project.config.remotes:
            sync.pull(self._project, wanted.artifacts(self._project, [one.record.commit])).check()
        run = self._runs[one.name]
        self._granted = ""

        def allowed(commit: str) -> bool:
            # Written before: if this process dies now, only this tells whose the claim was.
            live.note_lost(self._project.local, replace(one.record, waits_at=self._there.name))
            if self._patiently(lambda: self._there.claim(run, commit)):
                self._granted = commit
            else:
                live.forget_lost(self._project.local, one.record.start)
            return bool(self._granted)

        return Claim(one, worker, self._there.name, allowed)

    def give_back(self, name: str) -> None:
        """Let a claimed run wait again, because it could not begin."""
        if self._granted:
            claim, self._granted = self._granted, ""
            self._patiently(lambda: self._there.give_back(self._runs[name], claim))

    def put_aside(self, name: str, error: errors.GitexpError) -> None:
        """Leave a run to workers elsewhere: it cannot begin here."""
        self.aside[name] = error

    @contextlib.contextmanager
    def alive(self, running: Experiment) -> Iterator[None]:
        """Give signs of life of a run while the block lasts."""
        ended = threading.Event()
        signs = threading.Thread(target=self._give_signs, args=(running, ended), daemon=True)
        signs.start()
        try:
            yield
        finally:
            ended.set()
            signs.join(_FAREWELL)

    def _give_signs(self, running: Experiment, ended: threading.Event) -> None:
        there: RemoteQueue | None = None
        last: Experiment | None = running
        while last is not None and not ended.wait(SIGN_EVERY):
            with contextlib.suppress(errors.GitexpError):  # the next sign may come through
                there = there or RemoteQueue(Project.open(self._home), self._there.name)
                last = there.sign_of_life(last)

    def deliver(self, name: str) -> None:
        """Push what came of a run, and take the run out of the queue; what cannot go now goes later.

        Of two workers of this clone, one does so.
        """
        lock = self._project.local.try_lock(queue.lock_name(name, "deliver"))
        if lock is None:
            return
        try:
            self._there.deliver(name)
        except errors.GitexpError as error:
            self.undelivered[name] = error
            here = self._project.store.get(name)
            if isinstance(here, Experiment):  # what took long is worth waiting for
                self._patience = max(self._patience, here.record.duration or 0.0)
            return
        finally:
            lock.release()
        self.undelivered.pop(name, None)
        if isinstance(here := self._project.store.get(name), Experiment):
            live.forget_lost(self._project.local, here.record.start)

    def require_all_well(self) -> None:
        """Raise the reason why the end of a run could not be pushed, or why a run could not begin."""
        again = f"gitexp queue start --remote {self._there.name}"
        for name, error in self.undelivered.items():
            raise errors.SharingError(
                f"What came of {name} could not be pushed: {error.message}",
                error.hint if isinstance(error, errors.AlreadyTaken) else f"It is kept here. Later: {again}",
            ) from error
        for name, error in self.aside.items():
            raise errors.ExperimentError(
                f"{name} cannot begin here, and waits for somebody else: {error.message}", error.hint or None
            ) from error


def patiently(ask: Callable[[], _T], is_to_stop: Callable[[], bool], patience: float = PATIENCE) -> _T:
    """The answer of a remote, which may be away for some seconds. Raises RemoteFailed after them."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return ask()
        except errors.SharingError as error:
            if error.code != "remote-failed" or time.monotonic() > deadline or is_to_stop():
                raise
        time.sleep(_AGAIN)


def _goes_on(here: Stored | None, one: Experiment) -> bool:
    """Whether a run that was given up still goes on here, or its command does."""
    if not isinstance(here, Experiment) or here.record.start != one.record.start:
        return False
    return here.record.status is Status.RUNNING


def _is_same(here: Stored, one: Experiment) -> bool:
    """Whether what is here is the same run, waiting at the remote or ended in an earlier try."""
    if not isinstance(here, Experiment) or here.name != one.name or here.record.start != one.record.start:
        return False
    return here.record.status.ended or bool(here.record.waits_at)


def _with_edits(one: Experiment, here: Stored | None) -> Experiment:
    """The experiment with the note and tags given here meanwhile."""
    if not isinstance(here, Experiment):
        return one
    tags = tuple(dict.fromkeys((*one.record.tags, *here.record.tags)))
    record = replace(one.record, tags=tags, note=one.record.note or here.record.note)
    return one._replace(record=record)
