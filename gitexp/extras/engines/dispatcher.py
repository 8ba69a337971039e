"""Queued experiments as jobs of an engine, until each has ended.

The record of an experiment is believed first: it says `done` though the engine is slow to answer. The engine
is asked about all jobs at once, and seldom. A job that has ended while its run goes on, by the record, has
been killed: the run goes back into the queue, and becomes a job again. An engine that does not answer is
asked again, less and less often; what is to be told to it waits meanwhile.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from gitexp import errors
from gitexp.extras.engines.engine import GONE, Engine, JobReport, JobState
from gitexp.extras.engines.jobs_file import JobsFile, SubmittedJob
from gitexp.extras.engines.reach import Reach
from gitexp.extras.queue.workers import last_words
from gitexp.model import Experiment, Record, Status
from gitexp.named_tuple import NamedTuple
from gitexp.runs.resuming.requeue import is_lost
from gitexp.words import shorten

_LOOK = 0.5  # seconds between two looks at the records
_SLOWEST = 60.0  # seconds between two questions to an engine that does not answer


class NeverBegun(NamedTuple):
    """A run whose jobs have ended before it began.

    Attributes:
        name: the experiment.
        words: the reason, as far as known.
    """

    name: str
    words: str


def _is_open(record: Record, job: SubmittedJob, report: JobReport) -> bool:
    """Whether a job of an earlier process still needs care."""
    is_ours = record.status is Status.RUNNING and record.job == job.id
    was_preempted = record.status is Status.INTERRUPTED and report.is_preempted
    return is_ours or was_preempted or report.state is not JobState.ENDED


def _was_cut(one: Experiment, job: SubmittedJob) -> bool:
    """Whether a run was interrupted in its job: by somebody's wish, or for the engine's sake."""
    return one.record.status is Status.INTERRUPTED and one.record.job == job.id


class Dispatcher:
    """The jobs of one engine for one project. The engine itself says how many are at work at a time.

    Attributes:
        failed: the runs that no job could begin, in the order of their failures.
        away: the reason for the engine's silence; "" if the engine answers.
        running: the runs that go on, in their state at the place of the run.
    """

    def __init__(self, engine: Engine, reach: Reach, file: JobsFile, max_retries: int) -> None:
        self._engine = engine
        self._reach = reach
        self._file = file
        self._max_retries = max_retries
        self._waiting: list[str] = []  # names that have no job yet
        self._open: dict[str, SubmittedJob] = {}
        self._closed: dict[str, SubmittedJob] = {}  # since the file was written
        self._reports: Mapping[str, JobReport] = {}
        self._over: set[str] = set()  # jobs that had ended when they were asked for last
        self._begun_in_vain: Counter[str] = Counter()
        self._to_cancel: set[str] = set()  # jobs to be ended as soon as the engine can be told
        self._dropped: set[str] = set()
        self._is_ending = self._has_answered = False
        self._look_due = self._ask_due = 0.0
        self._pause = engine.interval
        self.failed: list[NeverBegun] = []
        self.away = ""
        self.running: Mapping[str, Experiment] = {}

    @property
    def keeps_jobs(self) -> bool:
        """Whether jobs that wait are begun though this process has ended."""
        return self._engine.keeps_jobs

    @property
    def capacity(self) -> int:
        """The jobs that the engine has places for; 0 for any number. Raises EngineAway."""
        return self._engine.capacity()

    @property
    def names(self) -> list[str]:
        """The experiments that have not ended."""
        return [*self._open, *self._waiting]

    @property
    def reasons(self) -> Mapping[str, int]:
        """Why jobs cannot begin, in the engine's words, and how many."""
        found = Counter[str]()
        for report in self._reports.values():
            if report.state is JobState.WAITING and report.reason:
                found[report.reason] += 1
        return found

    def give(self, names: Sequence[str]) -> None:
        """Have some queued experiments run. Jobs of an earlier dispatcher that live are taken on.

        Raises EngineAway if the engine has not answered yet; later on, the experiments wait for it.
        """
        self._waiting += names
        try:
            self._adopt(names)
            self._submit()
        except errors.EngineAway as error:
            if not self._has_answered:
                raise
            self._put_off(error)

    def step(self) -> None:
        """Take the due steps. Raises the errors of `Engine.submit` for a job refused by the engine."""
        now = time.monotonic()
        if now < self._look_due:
            return
        self._look_due = now + min(_LOOK, self._engine.interval)
        self._close_ended()
        if now < self._ask_due:
            return
        try:
            self._cancel_due()
            if self._open:
                self._ask()
            self._submit()
        except errors.EngineAway as error:
            self._put_off(error)
            return
        self._pause, self.away = self._engine.interval, ""
        self._ask_due = time.monotonic() + self._pause

    def let_finish(self) -> None:
        """Let the present runs finish, and begin no others."""
        self._is_ending = True
        self._waiting.clear()
        with contextlib.suppress(errors.EngineAway):
            self._reports = self._engine.poll([job.id for job in self._open.values()])
        now = self._reach.look(set(self._open))
        waiting = []
        for name, job in self._open.items():
            has_begun = name in now and now[name].record.status is not Status.QUEUED
            if not has_begun and self._reports.get(job.id, GONE).state is JobState.WAITING:
                waiting.append(name)
        self._cancel(waiting)
        for name in waiting:
            self._close(name)
        self._note()

    def end_now(self) -> None:
        """End the present runs, to be stored as interrupted, and begin no others."""
        self._is_ending = True
        self._waiting.clear()
        self._cancel(list(self._open))

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

    def finish(self) -> None:
        """Send the engine all open orders, if it answers; write down the jobs left."""
        with contextlib.suppress(errors.EngineAway):
            self._cancel_due()
        self._note()

    # -- jobs -------------------------------------------------------------------------------------

    def _adopt(self, names: Sequence[str]) -> None:
        """Take on the present jobs of some experiments, also the jobs killed in their run."""
        given, noted = set(names), self._file.read()
        now = self._reach.look({*given, *noted})
        known = dict[str, SubmittedJob]()
        for name, job in noted.items():
            one = now.get(name)
            if one is None or (one.record.status.ended and not _was_cut(one, job)):
                self._closed[name] = job  # nobody needs it in the file
            elif name in given and job.is_of(one.record):
                known[name] = job
        reports: Mapping[str, JobReport] = {}
        if known:
            reports = self._engine.poll([job.id for job in known.values()])
        for name, job in known.items():
            if _is_open(now[name].record, job, reports.get(job.id, GONE)):
                self._open[name] = job
        self._waiting = [name for name in self._waiting if name not in self._open]

    def _submit(self) -> None:
        """Make jobs of the experiments that have none."""
        if not self._waiting or self._is_ending:
            return
        now = self._reach.look(set(self._waiting))
        names = []
        for name in dict.fromkeys(self._waiting):
            if name in now and now[name].record.status is Status.QUEUED:
                names.append(name)
        self._waiting = names
        if not names:
            return
        self._reach.prepare(names)
        ids = self._engine.submit([self._reach.job(name) for name in names])
        self._has_answered = True
        self._waiting = []
        for name, id in zip(names, ids, strict=True):
            self._open[name] = SubmittedJob(id, now[name].record.start, now[name].record.tries)
        self._note()
        self._ask_due = time.monotonic() + self._engine.interval

    def _note(self) -> None:
        """Write down the open jobs."""
        self._file.update(self._open, self._closed)
        self._closed = {}

    def _cancel(self, names: Sequence[str]) -> None:
        """End the jobs of some experiments, now or as soon as the engine can be told."""
        self._dropped.update(names)
        self._to_cancel.update(self._open[name].id for name in names)
        try:
            self._cancel_due()
        except errors.EngineAway as error:
            self._put_off(error)

    def _cancel_due(self) -> None:
        if self._to_cancel:
            self._engine.cancel(sorted(self._to_cancel))
            self._to_cancel.clear()

    def _put_off(self, error: errors.EngineAway) -> None:
        """Ask an engine that does not answer again later."""
        self.away = error.message
        self._pause = min(self._pause * 2, max(_SLOWEST, self._engine.interval))
        self._ask_due = time.monotonic() + self._pause

    # -- what has become of them ------------------------------------------------------------------

    def _close_ended(self) -> None:
        """Let go of the jobs whose experiments have ended, by their records, or wait for another job."""
        now: Mapping[str, Experiment] = {}
        if self._open:
            now = self._reach.look(set(self._open))
        self.running = {one.name: one for one in now.values() if one.record.status is Status.RUNNING}
        for name, job in list(self._open.items()):
            one = now.get(name)
            if one is not None and self._was_put_back(one, job):
                self._close(name)  # somebody has seen that its worker died, and has put it back
                self._wait_again(name)
            elif one is None or self._is_over(one, job):
                was_ours = one is not None and one.record.job == job.id  # then the job is just ending
                if not was_ours and self._reports.get(job.id, GONE).state is JobState.WAITING:
                    self._to_cancel.add(job.id)
                self._close(name)

    def _was_put_back(self, one: Experiment, job: SubmittedJob) -> bool:
        """Whether a run waits for another job. An engine that keeps jobs may start the same one again."""
        waits = one.record.status is Status.QUEUED and one.record.tries != job.tries
        return waits and not self._engine.keeps_jobs

    def _wait_again(self, name: str) -> None:
        if not self._is_ending and name not in self._dropped:
            self._waiting.append(name)

    def _is_over(self, one: Experiment, job: SubmittedJob) -> bool:
        """Whether a run has ended for good. The engine says whether an interrupted one was preempted."""
        if not _was_cut(one, job):
            return one.record.status.ended
        return self._is_ending or one.name in self._dropped

    def _close(self, name: str) -> None:
        job = self._open.pop(name)
        self._closed[name] = job
        self._over.discard(job.id)

    def _ask(self) -> None:
        """Ask the engine about the jobs that are left."""
        self._reports = self._engine.poll([job.id for job in self._open.values()])
        self._has_answered = True
        over = []
        for name, job in self._open.items():
            if self._reports.get(job.id, GONE).state is not JobState.ENDED:
                self._over.discard(job.id)
            elif job.id in self._over:  # at the second time, what it wrote last can be seen
                over.append(name)
            else:
                self._over.add(job.id)
        if over:
            self._settle_all(over)

    def _settle_all(self, over: Sequence[str]) -> None:
        """Settle all jobs that have ended."""
        now, lost = self._reach.look(set(over), fresh=True), list[Experiment]()  # a run may just have ended
        for name in over:
            job = self._open[name]
            if name in now and self._was_killed(now[name], job):
                lost.append(now[name])
            else:
                self._settle(name, job, now.get(name))
        if lost:
            self._put_back(lost)

    def _was_killed(self, one: Experiment, job: SubmittedJob) -> bool:
        """Whether a job that has ended was in the middle of its run."""
        if one.record.job != job.id:
            return False
        if one.record.status is Status.INTERRUPTED:
            return is_lost(one) or self._reports.get(job.id, GONE).is_preempted
        return one.record.status is Status.RUNNING

    def _settle(self, name: str, job: SubmittedJob, one: Experiment | None) -> None:
        """Let go of a job that has ended, and has not been killed in the middle of its run."""
        self._close(name)
        if one is None or one.record.status is not Status.QUEUED:
            return  # it has ended for good, or another worker was quicker, and has it
        if self._is_ending or name in self._dropped:
            return
        report = self._reports.get(job.id, GONE)
        self._begun_in_vain[name] += not report.is_preempted
        if self._begun_in_vain[name] <= self._max_retries:
            self._waiting.append(name)
            return
        words = report.reason
        with contextlib.suppress(errors.EngineAway):
            words = words or last_words(self._engine.log(job.id).encode())
        self.failed.append(NeverBegun(name, words))

    @staticmethod
    def _is_unsettled(before: Experiment, after: Experiment) -> bool:
        """Whether the process of a run lives, or has just stored its end: the next time will tell."""
        if after.record.status is Status.INTERRUPTED:
            return before.record.status is Status.RUNNING
        return after.record.status is Status.RUNNING

    def _put_back(self, lost: Sequence[Experiment]) -> None:
        """Have the ends of killed runs stored, and give those that wait again another job."""
        reports = {one.name: self._reports.get(self._open[one.name].id, GONE) for one in lost}
        self._reach.put_back(lost, [name for name, report in reports.items() if report.made_room])
        now = self._reach.look({one.name for one in lost})
        for one in lost:
            after = now.get(one.name)
            if after is not None and self._is_unsettled(one, after):
                continue
            self._close(one.name)
            if after is not None and after.record.status is Status.QUEUED:
                self._wait_again(one.name)
