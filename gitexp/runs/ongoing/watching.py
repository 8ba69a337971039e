"""Runs that are watched while they go on: what each says of itself, look by look."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp.catalog import live_values, rows
from gitexp.catalog.series import stored_series
from gitexp.files.lines.series import SERIES, SYSTEM, WRITERS
from gitexp.files.lines.series_tail import CurveSketch, LastLogged, SeriesTail, read_at
from gitexp.model import Experiment, Record, Status, readable
from gitexp.named_tuple import NamedTuple
from gitexp.nofollow import Folder
from gitexp.process.liveness import is_alive
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo import live
from gitexp.repo.live import LOGGED, RunState
from gitexp.repo.watched import Watched
from gitexp.runs.ongoing.recover import finish_dead_runs
from gitexp.times import seconds_of

_OUTPUT = 8 * 1024  # bytes at the end of the output that are looked at
_QUIET_END = 3.0  # seconds without any run, after which a watching of all runs is over

# A progress bar of tqdm's; and an epoch or the like of so many.
_BAR = regex(rb"(\d{1,3})%\|")
_OF = regex(
    rb"\b(?:epoch|step|iter|iteration|batch|round|trial|fold|stage)s?[ :=\[(#]*"
    rb"(\d{1,9})\s*(?:/|of)\s*(\d{1,9})\b",
    re.IGNORECASE,
)


class RunProgress(NamedTuple):
    """How far a run is, as its output says.

    Attributes:
        share: from 0 to 1.
        text: the words of the output.
    """

    share: float
    text: str


class WatchedRun(NamedTuple):
    """A run at one moment.

    Attributes:
        name: the name of the experiment.
        record: the record.
        is_here: whether the run goes on on this machine, so that its values can be seen.
        seconds: since its start; of an ended run its duration. None if nobody knows.
        values: the last value of each logged metric; of an ended run its metrics.
        curves: the course of each logged metric.
        is_sampled: whether the curves are samples.
        pace: steps a second.
        system: the last numbers about the machine, by name.
        progress: how far it is; None if its output does not say.
        output: the end of its output.
        alerts: the alerts so far, as the record will have them.
    """

    name: str
    record: Record
    is_here: bool
    seconds: float | None
    values: dict[str, LastLogged]
    curves: dict[str, CurveSketch]
    is_sampled: bool
    pace: float | None
    system: dict[str, float]
    progress: RunProgress | None
    output: bytes
    alerts: Sequence[Mapping[str, Any]] = ()

    @property
    def step(self) -> int | None:
        """The highest step; None if nothing was logged."""
        return max((last.step for last in self.values.values() if last.step >= 0), default=None)

    @property
    def left(self) -> float | None:
        """Seconds until the end, if it goes on as it did; None if nobody knows."""
        if self.progress is None or self.seconds is None or not 0 < self.progress.share < 1:
            return None
        return self.seconds * (1 - self.progress.share) / self.progress.share

    def as_json(self) -> dict[str, Any]:
        """The run for `--json`."""
        return {
            "name": self.name,
            "status": str(self.record.status),
            "here": self.is_here,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "step": self.step,
            "steps_per_second": self.pace,
            "progress": None if self.progress is None else self.progress.share,
            "metrics": {name: last.value for name, last in self.values.items()},
            "steps": {name: last.step for name, last in self.values.items() if last.step >= 0},
            "curves": {name: curve.all() for name, curve in self.curves.items()},
            "sampled": self.is_sampled,
            "system": self.system,
            "alerts": list(self.alerts),
        }


class _Followed:
    """One live run, followed in its live folder."""

    def __init__(self) -> None:
        self._series: dict[str, SeriesTail] = {}
        self._system = SeriesTail()
        self._output = b""
        self._is_complete = False
        self._alerts: list[dict[str, Any]] = []

    def look(self, state: RunState) -> None:
        """Read what was added; a folder that is just going is left as it is."""
        with contextlib.suppress(OSError), state.opened() as run:
            with contextlib.suppress(OSError):
                self._output = _end_of(run, state.log.name)
            with run.folder(LOGGED) as logged:
                names = logged.names()
                self._alerts = live_values.alerts_in(logged, names)
                for name in names:
                    if WRITERS.fullmatch(name):
                        _read(logged, name, self._series.setdefault(name, SeriesTail()))
                    elif name == SYSTEM:
                        _read(logged, name, self._system)

    def complete(self, project: Project, experiment: Experiment) -> None:
        """Read to its end what was followed, from what was stored of the ended run."""
        if self._is_complete or not self._series:
            return
        self._is_complete = True
        if any(tail.is_sampled for tail in self._series.values()):
            return  # a sample is what there was to see
        tail = SeriesTail()
        for name, series in stored_series.logged(project, experiment).items():
            curve = tail.curves[name] = CurveSketch()
            for step, value in zip(series.steps, series.values, strict=True):
                curve.add(step, value)
            if len(series):
                tail.last[name] = LastLogged(series.steps[-1], series.times[-1], series.last)
        self._series = {SERIES: tail}

    def run(self, experiment: Experiment, *, is_here: bool) -> WatchedRun:
        """The run as it was at the last look."""
        record = experiment.record
        values: dict[str, LastLogged] = {}
        curves: dict[str, CurveSketch] = {}
        for tail in self._series.values():
            curves = {**tail.curves, **curves}
            for name, last in tail.last.items():
                if name not in values or last[:2] >= values[name][:2]:
                    values[name] = last
        seconds = record.duration
        if record.status.ended:
            values = _metrics(experiment, values)
        elif record.status is Status.RUNNING:
            seconds = max(time.time() - seconds_of(record.created), 0.0)
        paces = [tail.pace for tail in self._series.values() if tail.pace is not None]
        return WatchedRun(
            experiment.name,
            record,
            is_here,
            seconds,
            values,
            curves,
            any(tail.is_sampled for tail in self._series.values()),
            max(paces, default=None),
            {name: last.value for name, last in self._system.last.items()},
            None if record.status.ended else progress(self._output),
            self._output,
            record.alerts if record.status.ended else self._alerts,
        )


def _metrics(experiment: Experiment, logged: dict[str, LastLogged]) -> dict[str, LastLogged]:
    """The metrics of an ended run, each with the step at which it was logged last, or -1."""
    found: dict[str, LastLogged] = {}
    for name, value in rows.of_one(experiment).metrics.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            step = logged[name].step if name in logged else -1
            found[name] = LastLogged(step, 0.0, value)
    return found


class Watching:
    """The watching of some runs, or of all that go on here.

    Args:
        project: the place of the experiments.
        names: the experiments to watch; None for all that go on, also those that begin meanwhile.
    """

    def __init__(self, project: Project, names: Sequence[str] | None) -> None:
        self._project = project
        self._names = None if names is None else tuple(dict.fromkeys(names))
        self._watched = Watched(project.store)
        self._followed: dict[str, _Followed] = {}
        self._seen: dict[str, None] = {}
        self._last_run = time.monotonic()

    def look(self) -> list[WatchedRun]:
        """The runs in their present state, the one that began first, first."""
        finish_dead_runs(self._project)
        states: dict[str, RunState] = {}
        for state in live.live_runs(self._project.local):
            states[state.name] = state
        found: list[WatchedRun] = []
        for one in self._experiments(states):
            followed = self._followed.setdefault(one.name, _Followed())
            state_now = states.get(one.name)
            if state_now is not None:
                followed.look(state_now)
            elif one.record.status.ended:
                followed.complete(self._project, one)
            found.append(followed.run(one, is_here=state_now is not None))
        if any(run.record.status is Status.RUNNING for run in found):
            self._last_run = time.monotonic()
        return sorted(found, key=lambda run: run.record.created)

    def _experiments(self, states: Mapping[str, RunState]) -> list[Experiment]:
        """The experiments to watch; a run of another machine only if named."""
        every = {one.name: one for one in readable(self._watched.all())}
        if self._names is not None:
            return [every[name] for name in self._names if name in every]
        for name in states:
            if name in every and every[name].record.status is Status.RUNNING:
                self._seen[name] = None
        return [every[name] for name in self._seen if name in every]

    def is_over(self, found: Sequence[WatchedRun]) -> bool:
        """Whether nothing is left to watch: all have ended, and for a moment no other has begun."""
        if any(not run.record.status.ended and not _is_lost(run) for run in found):
            return False
        return self._names is not None or time.monotonic() - self._last_run > _QUIET_END


def _is_lost(run: WatchedRun) -> bool:
    """Whether the end of a run will not be seen: its process is dead, and nobody could store it."""
    process = run.record.process
    return process is not None and is_alive(process) is False and not run.is_here


def progress(output: bytes) -> RunProgress | None:
    """How far a run is, by the last line of its output that says so; None without any."""
    for line in reversed(re.split(rb"[\r\n]+", output)):
        if bar := _BAR.search(line):
            return RunProgress(min(int(bar[1]), 100) / 100, f"{int(bar[1])} %")
        if of := _OF.search(line):
            done, total = int(of[1]), int(of[2])
            if total > 0 and done <= total:
                text = of[0].decode("utf-8", "replace")
                return RunProgress(done / total, text)
    return None


def _end_of(folder: Folder, name: str) -> bytes:
    """The last bytes of a file, from the start of a line on, if any."""
    fd = folder.open(name)
    try:
        size = os.fstat(fd).st_size
        return read_at(fd, _OUTPUT, max(size - _OUTPUT, 0))
    finally:
        os.close(fd)


def _read(folder: Folder, name: str, tail: SeriesTail) -> None:
    with contextlib.suppress(OSError):
        fd = folder.open(name)
        try:
            tail.read(fd)
        finally:
            os.close(fd)
