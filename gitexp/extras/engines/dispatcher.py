"""Queued experiments as jobs of an engine, until each has ended.

The record of an experiment is believed first: it says `done` though the engine is slow to answer. The engine
is asked about all jobs at once, and seldom. A job that has ended while its run goes on, by the record, has
been killed: the run goes back into the queue, and becomes a job again.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from gitexp import errors
from gitexp.extras.engines.engine import GONE, Engine, JobReport, JobState
from gitexp.extras.engines.jobs_file import JobsFile, SubmittedJob
from gitexp.extras.engines.reach import Reach
from gitexp.extras.queue.workers import last_words
from gitexp.model import Experiment, Status
from gitexp.words import shorten

_LOOK = 0.5  # seconds between two looks at the records
_SLOWEST = 60.0  # seconds between two questions to an engine that does not answer
_PATIENCE = 120.0  # seconds that jobs have to store what they have, once they were ended


class NeverBegun(NamedTuple):
    """A run whose jobs have ended before it began.

    Attributes:
        name: the experiment.
        words: why, as far as that is known.
    """

    name: str
    words: str


class Dispatcher:
    """The jobs of one engine for one project. The engine itself says how many are at work at a time.

    Attributes:
        failed: the runs that no job could begin, in the order of their failures.
    """

    def __init__(self, engine: Engine, reach: Reach, file: JobsFile, max_retries: int) -> None:
        self._engine = engine
        self._reach = reach
        self._file = file
        self._max_retries = max_retries
        self._waiting: list[str] = []  # names that have no job yet
        self._open: dict[str, SubmittedJob] = {}
        self._reports: Mapping[str, JobReport] = {}
        self._over: set[str] = set()  # jobs that had ended when they were asked for last
        self._begun_in_vain: Counter[str] = Counter()
        self._dropped: set[str] = set()
        self._is_ending = False
        self._look_due = self._ask_due = 0.0
        self._pause = engine.interval
        self.failed: list[NeverBegun] = []

    @property
    def keeps_jobs(self) -> bool:
        """Whether jobs that wait are begun though this process has ended."""
        return self._engine.keeps_jobs

    @property
    def names(self) -> list[str]:
        """The experiments that have not ended."""
        return [*self._open, *self._waiting]

    def give(self, names: Sequence[str]) -> None:
        """Have some queued experiments run. Jobs of an earlier dispatcher that live are taken on."""
        self._adopt(names)
        self._waiting += [name for name in names if name not in self._open]
        self._submit()

    def step(self) -> None:
        """Do what is due. Raises the errors of `Engine.submit` for a job that the engine refuses."""
        now = time.monotonic()
        if now < self._look_due:
            return
        self._look_due = now + min(_LOOK, self._engine.interval)
        self._close_ended()
        if self._open and now >= self._ask_due:
            self._ask()
        with contextlib.suppress(errors.EngineAway):  # they wait, and are submitted later
            self._submit()

    def let_finish(self) -> None:
        """Let the present runs finish, and begin no others."""
        self._is_ending = True
        self._waiting.clear()
        waiting = []
        for name, job in self._open.items():
            report = self._reports.get(job.id)
            if report is not None and report.state is JobState.WAITING:
                waiting.append(name)
        self._cancel(waiting)
        for name in waiting:
            del self._open[name]
        self._note()

    def end_now(self) -> None:
        """End the present runs, which are stored as interrupted, and begin no others."""
        self._is_ending = True
        self._waiting.clear()
        self._cancel(list(self._open))

    def wait_for_ends(self) -> None:
        """Wait until the runs that were ended are stored, for two minutes at most."""
        until = time.monotonic() + _PATIENCE
        while self._open and time.monotonic() < until:
            self.step()
            time.sleep(0.05)

    def require_well(self) -> None:
        """Raise GitexpError if no job could begin a run."""
        if not self.failed:
            return
        first = self.failed[0]
        raise errors.GitexpError(
            f"No job could begin {shorten([one.name for one in self.failed])}: {first.words}",
            "What is wrong, gitexp engine check NAME may say. The runs wait: the same command goes on.",
            code="engine-failed",
        )

    # -- jobs -------------------------------------------------------------------------------------

    def _adopt(self, names: Sequence[str]) -> None:
        """Take on the jobs that some experiments have already."""
        noted, now = self._file.read(), self._reach.look(set(names))
        known = dict[str, SubmittedJob]()
        for name, one in now.items():
            job = noted.get(name)
            if job is not None and (job.start, job.tries) == (one.record.start, one.record.tries):
                known[name] = job
        if not known:
            return
        reports = self._engine.poll([job.id for job in known.values()])
        for name, job in known.items():
            if reports.get(job.id, GONE).state is not JobState.ENDED:
                self._open[name] = job

    def _submit(self) -> None:
        """Make jobs of the experiments that have none."""
        if not self._waiting or self._is_ending:
            return
        now = self._reach.look(set(self._waiting))
        names = []
        for name in self._waiting:
            if name in now and now[name].record.status is Status.QUEUED:
                names.append(name)
        self._waiting = names
        if not names:
            return
        self._reach.prepare(names)
        ids = self._engine.submit([self._reach.job(name) for name in names])
        self._waiting = []
        for name, id in zip(names, ids, strict=True):
            record = now[name].record
            self._open[name] = SubmittedJob(id, record.start, record.tries)
        self._note()
        self._ask_due = time.monotonic() + self._engine.interval

    def _note(self) -> None:
        self._file.write({**self._file.read(), **self._open})

    def _cancel(self, names: Sequence[str]) -> None:
        self._dropped.update(names)
        if names:
            with contextlib.suppress(errors.EngineAway):
                self._engine.cancel([self._open[name].id for name in names])

    # -- what has become of them ------------------------------------------------------------------

    def _close_ended(self) -> None:
        """Let go of the jobs whose experiments have ended, by their records, or wait for another job."""
        now = self._reach.look(set(self._open))
        for name, job in list(self._open.items()):
            one = now.get(name)
            if one is None or one.record.status.ended:
                self._close(name)
            elif one.record.status is Status.QUEUED and one.record.tries != job.tries:
                self._close(name)  # somebody has seen that its worker died, and has put it back
                if not self._is_ending:
                    self._waiting.append(name)

    def _close(self, name: str) -> None:
        job = self._open.pop(name)
        self._over.discard(job.id)

    def _ask(self) -> None:
        """Ask the engine about the jobs that are left."""
        try:
            self._reports = self._engine.poll([job.id for job in self._open.values()])
        except errors.EngineAway:
            self._pause = min(self._pause * 2, max(_SLOWEST, self._engine.interval))
            self._ask_due = time.monotonic() + self._pause
            return
        self._pause = self._engine.interval
        self._ask_due = time.monotonic() + self._pause
        over = list[str]()
        for name, job in self._open.items():
            if self._reports.get(job.id, GONE).state is not JobState.ENDED:
                self._over.discard(job.id)
            elif job.id in self._over:  # for the second time: what it wrote last can be seen by now
                over.append(name)
            else:
                self._over.add(job.id)
        with contextlib.suppress(errors.EngineAway):  # else it is asked again
            now = self._reach.look(set(over), fresh=True) if over else {}  # a run may just have ended
            for name in over:
                self._settle(name, self._open[name], now.get(name))

    def _settle(self, name: str, job: SubmittedJob, one: Experiment | None) -> None:
        """Do what is to be done about a job that has ended."""
        if one is None or one.record.status.ended:
            return self._close(name)
        if one.record.status is Status.QUEUED:
            self._close(name)
            return self._again(name, job)
        if one.record.job != job.id:
            return self._close(name)  # another worker was quicker, and has it
        self._reach.put_back(one)
        now = self._reach.look({name}).get(name)
        if now is None or now.record.status is not Status.RUNNING:
            self._close(name)
        if now is not None and now.record.status is Status.QUEUED and not self._is_ending:
            self._waiting.append(name)
        return None

    def _again(self, name: str, job: SubmittedJob) -> None:
        """Give a run whose job has ended before it began another job, unless that is in vain."""
        if self._is_ending or name in self._dropped:
            return
        self._begun_in_vain[name] += 1
        if self._begun_in_vain[name] <= self._max_retries:
            self._waiting.append(name)
            return
        report = self._reports.get(job.id, GONE)
        words = report.reason or last_words(self._engine.log(job.id).encode())
        self.failed.append(NeverBegun(name, words))


class EnginePool:
    """The workforce of an engine for experiments that are all queued."""

    def __init__(self, dispatcher: Dispatcher, pressed: Sequence[float]) -> None:
        self._dispatcher = dispatcher
        self._pressed = pressed

    def wait(self, look: Callable[[], None], remark: Callable[[str], None]) -> bool:
        """Wait until all runs have ended; whether Ctrl-C was pressed. `look` is called twice a second."""
        answered, due = 0, 0.0
        while self._dispatcher.names:
            if len(self._pressed) > answered:
                answered += 1
                self._answer(answered, remark)
            self._dispatcher.step()
            if time.monotonic() >= due:
                look()
                due = time.monotonic() + _LOOK
            time.sleep(0.05)
        look()
        return len(self._pressed) > 0

    def _answer(self, pressed: int, remark: Callable[[str], None]) -> None:
        """React to Ctrl-C, pressed for the first time or again."""
        if pressed == 1:
            self._dispatcher.let_finish()
            remark("The present runs are finished first; Ctrl-C again ends them now.")
        else:
            self._dispatcher.end_now()
            remark("The present runs are asked to end.")

    def require_well(self) -> None:
        """Raise GitexpError if no job could begin a run."""
        self._dispatcher.require_well()


class EngineCrew:
    """The workforce of an engine for experiments that are planned one after the other."""

    def __init__(self, dispatcher: Dispatcher, jobs: int) -> None:
        self._dispatcher = dispatcher
        self._jobs = jobs

    @property
    def is_busy(self) -> bool:
        """Whether a run goes on."""
        return bool(self._dispatcher.names)

    @property
    def has_room(self) -> bool:
        """Whether a run given now becomes a job at once."""
        return len(self._dispatcher.names) < self._jobs

    def give(self, name: str) -> None:
        """Have a queued experiment run."""
        self._dispatcher.give([name])

    def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until a run has ended."""
        before, until = len(self._dispatcher.names), time.monotonic() + seconds
        while time.monotonic() < until and len(self._dispatcher.names) == before:
            self._dispatcher.step()
            time.sleep(0.02)

    def dismiss(self) -> None:
        """Begin no further runs."""

    def end_now(self) -> None:
        """End the present runs, which are stored as interrupted."""
        self._dispatcher.end_now()

    def require_well(self) -> None:
        """Raise GitexpError if no job could begin a run."""
        self._dispatcher.require_well()
