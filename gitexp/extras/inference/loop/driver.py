"""A loop at work: editors at desks, their code as runs of the queue, verdicts on what has ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import IO

from gitexp import errors
from gitexp.extras.inference import sides
from gitexp.extras.inference.loop import desk as desks
from gitexp.extras.inference.loop import state as reading
from gitexp.extras.inference.loop.briefing import Briefing
from gitexp.extras.inference.loop.desk import Desk
from gitexp.extras.inference.loop.editor import CodeEditor
from gitexp.extras.inference.loop.rounds import EditedRound, RoundStore
from gitexp.extras.inference.loop.settings import LoopListener, LoopSettings
from gitexp.extras.inference.loop.state import LoopRound, LoopState, ended_in_vain
from gitexp.extras.inference.loop.verdicts import LoopStopped, RoundJudge
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Status
from gitexp.named_tuple import NamedTuple
from gitexp.process import descendants
from gitexp.process.signals import OWN_GROUP
from gitexp.project import protected
from gitexp.project.project import Project
from gitexp.runs.ongoing.recover import finish_dead_runs
from gitexp.views.best import best
from gitexp.words import clean, counted

_PAUSE = 0.05  # seconds between two looks
_GITEXP = (sys.executable, "-P", "-m", "gitexp")
WORK = ("queue", "work", "--only")
_ENDLESS = 1 << 30
_AGAIN = 1.0  # seconds before another worker for a run left by a worker


class LoopEnd(NamedTuple):
    """The end of a call of `gitexp loop`.

    Attributes:
        state: the present state of the loop.
        reason: the reason of the end, as a sentence.
        interrupted: whether Ctrl-C was pressed.
    """

    state: LoopState
    reason: str
    interrupted: bool = False


class AtDesk(NamedTuple):
    """An editor at work.

    Attributes:
        number: the round.
        base: the experiment whose code is edited.
        desk: the desk of the editor.
        editor: the editor.
    """

    number: int
    base: Experiment
    desk: Desk
    editor: CodeEditor


class HiredWorker(NamedTuple):
    """A worker of the queue for one run of the loop.

    Attributes:
        process: the process of the worker.
        said: stderr of the worker.
        begun: the time of the start, in seconds of the monotonic clock.
    """

    process: subprocess.Popen[bytes]
    said: IO[bytes]
    begun: float


def worker(project: Project, said: IO[bytes]) -> subprocess.Popen[bytes]:
    """A new worker of the queue for the runs whose names are written to its stdin; `said`: its stderr."""
    return subprocess.Popen(
        [*_GITEXP, *WORK, "--for", str(os.getpid())],
        cwd=project.here,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=said,
        process_group=OWN_GROUP,
    )


class LoopDriver:
    """The work on a loop."""

    def __init__(self, project: Project, settings: LoopSettings, listener: LoopListener) -> None:
        self._project = project
        self._settings = settings
        self._tell = listener.tell
        self._store = RoundStore(project, settings)
        self._seen = reading.seeing(project, settings.metric)
        self._judge = RoundJudge(project, self._seen, self._store, self._room)
        self._briefing = Briefing(project, settings, (), {})
        self._editing: list[AtDesk] = []
        self._workers: dict[str, HiredWorker] = {}
        self._begun = time.monotonic()
        self._state = reading.of_settings(project, settings)

    def go(self) -> LoopEnd:
        """The end of the loop, after all rounds or all of a budget. Raises the errors of the first run."""
        with self._alone():
            desks.clear_dead(self._project)
            try:
                self._start()
                reason = self._rounds()
                return LoopEnd(self._state, reason)
            except (KeyboardInterrupt, LoopStopped):
                return LoopEnd(self._read(), "Ctrl-C was pressed.", interrupted=True)
            finally:
                self._leave()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Refuse a second process for the same loop."""
        self._project.local.prepare()
        lock = self._project.local.try_lock(f"loop-{self._settings.id}")
        if lock is None:
            raise errors.ExperimentError(
                "This loop is at work already.", "gitexp loop report shows how it goes.", code="still-running"
            )
        try:
            yield
        finally:
            lock.release()

    # -- the beginning --------------------------------------------------------------------------------

    def _start(self) -> None:
        """Prepare the loop: run the start, read the protected paths and measure the noise."""
        start = self._run_start()
        at = str(start.record.protected.get("at", "")) or start.record.baseline
        listed = protected.at_commit(self._project.repo, at, self._project.config.folder)
        self._briefing = self._briefing._replace(protected=listed.paths)
        evidence = sides.evidence_of(self._seen, [start.name])
        sides.chosen_metrics(self._seen, evidence, [self._settings.metric])
        if not self._state.rounds:
            self._judge.measure_noise(start)
        self._read()
        self._state = self._state._replace(start=self._state.start or start)

    def _run_start(self) -> Experiment:
        """The experiment at the start, after its end. Raises ExperimentError without a good end."""
        start = self._state.start
        if start is None or (ended_in_vain(start.record) and not self._state.rounds):
            start = self._first()
        if not start.record.status.ended:
            self._tell(f"{start.name} is run first: the loop starts from it.")
            self._hire(start)
            start = self._ended(start.name)
        if start.record.status is not Status.DONE:
            raise errors.ExperimentError(
                f"The loop cannot start from {start.name}: it is {start.record.status}.",
                f"gitexp log {start.name} says why.",
                code="none-found",
            )
        return start

    def _first(self) -> Experiment:
        """The experiment for the start: by `--from`, else the best experiment of HEAD, else a run of HEAD."""
        project, settings = self._project, self._settings
        if settings.start:
            with contextlib.suppress(errors.ExperimentError):
                return project.store.require(settings.start)
            return self._store.first_run(settings.start)
        with contextlib.suppress(errors.ExperimentError, errors.UsageError):
            name = best(self._seen, settings.metric, lowest=settings.direction == "min").name
            found = project.store.require(name)
            if found.record.status is Status.DONE and found.record.command is not None:
                return found
        return self._store.first_run("HEAD")

    # -- the rounds -----------------------------------------------------------------------------------

    def _rounds(self) -> str:
        """The reason of the end, after all rounds."""
        while True:
            self._look_at_editors()
            self._look_at_runs()
            self._decide()
            reason = self._reason()
            if not reason and len(self._editing) + len(self._open()) < self._settings.jobs:
                self._begin()
            elif not self._editing and not self._open():
                return reason
            else:
                time.sleep(_PAUSE)

    def _reason(self) -> str:
        """The reason against a further round; "" for none."""
        state, settings = self._state, self._settings
        if len(state.rounds) + len(self._editing) >= settings.rounds:
            return f"{counted(settings.rounds, 'round')} made."
        if settings.budget and state.runs + len(self._editing) >= settings.budget:
            return f"The budget of {counted(settings.budget, 'run')} is used up."
        if settings.all_seconds is not None and time.monotonic() - self._begun > settings.all_seconds:
            return "The time is used up."
        if settings.max_failures and state.failures >= settings.max_failures:
            return f"{counted(state.failures, 'round')} in a row came to nothing."
        return ""

    def _begin(self) -> None:
        """Let an editor begin with the code of the best."""
        taken = {one.number for one in self._state.rounds} | {one.number for one in self._editing}
        number = next(at for at in range(1, _ENDLESS) if at not in taken)
        base = self._state.best
        assert base is not None  # there is a start
        desk = desks.made(self._project, base)
        failpoint("loop:desk")
        told = self._briefing.write(desk, self._state, number, self._value_of(base))
        folder = desk.code / (base.record.project or "")
        editor = CodeEditor(desk, self._settings.edit, folder, told, self._settings.edit_seconds)
        self._editing.append(AtDesk(number, base, desk, editor))

    def _value_of(self, one: Experiment) -> float | None:
        """The mean of the metric over an experiment's replicates."""
        (side,) = sides.evidence_of(self._seen, [one.name]).sides
        return side.sample(self._settings.metric).mean

    def _look_at_editors(self) -> None:
        """Store the edited code of ended editors."""
        for at in list(self._editing):
            end = at.editor.poll()
            if end is None:
                continue
            descendants.adopt(on=True)  # again, for the other editors: the end of this guard stopped it
            one = self._store.store(EditedRound(at.number, at.base, at.desk, end))
            failpoint("loop:stored")
            self._editing.remove(at)
            at.desk.clear()
            self._read()
            if one.record.status.ended:
                self._say(at.number, one, str(one.record.loop["verdict"]))

    def _open(self) -> list[LoopRound]:
        """The rounds without a verdict: with a run under way, or an ended run to judge."""
        return [one for one in self._state.rounds if one.kept is None]

    def _look_at_runs(self) -> None:
        """Hire a worker for each waiting run, also for the runs of a killed loop."""
        waiting = [one for one in self._open() if not one.status.ended]
        if not waiting or all(self._is_at_work(one.experiment.name) for one in waiting):
            return
        finish_dead_runs(self._project)
        self._read()
        for one in self._open():
            if not one.status.ended:
                self._hire(one.experiment)

    def _is_at_work(self, name: str) -> bool:
        """Whether a worker of this process is at work on a run."""
        hired = self._workers.get(name)
        return hired is not None and hired.process.poll() is None

    def _decide(self) -> None:
        """Judge the ended rounds."""
        for one in self._open():
            # A worker has more to do at the end: the holdout comes after the run.
            if not one.status.ended or self._is_at_work(one.experiment.name):
                continue
            found = self._judge.verdict(self._state, one.experiment)
            failpoint("loop:judged")
            facts = {**found.as_json(), "turn": self._state.next_turn}
            self._store.decide(self._project.store.require(one.experiment.name), facts)
            self._read()
            words = found.told
            if found.kept:
                words = f"kept: {words}"
            self._say(one.number, one.experiment, words)

    def _say(self, number: int, one: Experiment, words: str) -> None:
        told = f"Round {number}, {one.name}"
        if one.record.note:
            told += f" ({clean(one.record.note)})"
        self._tell(f"{told}: {words}")

    def _read(self) -> LoopState:
        start = self._state.start
        found = reading.of_settings(self._project, self._settings)
        self._state = found._replace(start=found.start or start)
        return self._state

    def _room(self) -> int:
        """The number of runs left in the budget."""
        if not self._settings.budget:
            return _ENDLESS
        return max(self._settings.budget - self._read().runs, 0)

    # -- workers --------------------------------------------------------------------------------------

    def _hire(self, one: Experiment) -> None:
        """Start a worker for a run, unless a worker is at work on the run."""
        hired = self._workers.get(one.name)
        if hired is not None:
            if hired.process.poll() is None or time.monotonic() < hired.begun + _AGAIN:
                return
            self._dismiss(one.name)
        said = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        process = worker(self._project, said)
        assert process.stdin is not None  # it is a pipe
        with contextlib.suppress(BrokenPipeError), process.stdin as names:
            names.write(one.name.encode())
        self._workers[one.name] = HiredWorker(process, said, time.monotonic())

    def _dismiss(self, name: str) -> None:
        """Forget an ended worker. Raises GitexpError for a failed worker."""
        hired = self._workers.pop(name)
        with hired.said as said:
            if hired.process.returncode:
                said.seek(0)
                lines = said.read().decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
                raise errors.GitexpError(
                    f"A worker has ended with status {hired.process.returncode}: {lines[-1]}",
                    "The same command goes on.",
                    code="worker-failed",
                )

    def _ended(self, name: str) -> Experiment:
        """An experiment after its end."""
        while True:
            found = self._project.store.require(name)
            if not found.record.status.ended:
                finish_dead_runs(self._project)
                self._hire(found)
            elif not self._is_at_work(name):
                return found
            time.sleep(_PAUSE)

    def _leave(self) -> None:
        """End the editors. A present run goes on to its end, and the next call judges it."""
        for at in self._editing:
            at.editor.end()
            at.desk.clear()
        self._editing = []
        for hired in self._workers.values():
            if hired.process.poll() is None:
                hired.process.returncode = 0  # nobody waits for it, and Python would warn of that
            hired.said.close()
        self._workers = {}
