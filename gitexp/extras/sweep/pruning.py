"""Trials that are ended early, because others were better at the same step.

The worker of a trial reads the curve that the trial writes, and asks the pruner: Optuna's, or one of
`halving`. The trial ends as interrupted, with the reason `pruned`, and all it has so far is kept.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import plugins
from gitexp.catalog.series import stored_series
from gitexp.extras.sweep import curves, halving
from gitexp.extras.sweep import trials as reading
from gitexp.extras.sweep.definition import SPARED, SweepDefinition
from gitexp.extras.sweep.halving import HALVING, HYPERBAND, TrialCurve
from gitexp.extras.sweep.trials import Trial
from gitexp.model import Experiment, Status, is_touched, readable
from gitexp.process.guard import Guard
from gitexp.process.limits import Limits
from gitexp.project.project import Project
from gitexp.repo.live import live_runs
from gitexp.repo.watched import Watched

_EVERY = 1.0  # seconds between two looks at a curve
_SHARE = 20  # looking takes at most the twentieth part of the time
_LOOKED_AT = 5  # trials, for whether there are any curves
_LARGEST = 8 << 20  # bytes of a curve that are read

_OURS = (HALVING, HYPERBAND)

GuardMaker = Callable[[Limits, str], Guard]


def guard_of(project: Project, experiment: Experiment) -> GuardMaker:
    """The maker of the guard over a trial's run; with a pruner, the guard asks the pruner."""
    record = experiment.record
    if not record.trial.get("pruner"):
        return Guard
    definition = reading.definition_of(record)
    judge = _TrialJudge(project, definition, experiment.name, record.trial["number"])
    return partial(Guard, also=judge)


def require(definition: SweepDefinition) -> None:
    """Raise UsageError if the package of a pruner is not installed: it is too late when trials run."""
    if not definition.pruner:
        return
    if definition.pruner not in _OURS:
        plugins.load("search", "optuna")


def has_curves(project: Project, definition: SweepDefinition, trials: Sequence[Trial]) -> bool:
    """Whether a trial that is done has a curve of the objective."""
    (metric,) = definition.objectives
    done = [trial for trial in trials if trial.state == Status.DONE]
    return any(curve_of(project, trial.last, metric) for trial in done[-_LOOKED_AT:])


def curve_of(project: Project, one: Experiment, metric: str) -> list[float]:
    """The curve of a metric of an ended run: in a table under `plots:`, or as the run has logged it."""
    places = curves.places(project.config.plots, metric)
    found = project.repo.read_blobs([f"{one.record.commit}:{path}" for path in places])
    for path, data in zip(places, found, strict=True):
        if data is not None and (numbers := curves.curve(path, data, metric)):
            return numbers
    return _logged(project, one, metric)


def _logged(project: Project, one: Experiment, metric: str) -> list[float]:
    """The numbers of a metric logged by a run, so far or in all."""
    series = stored_series.logged(project, one)
    for name in (metric, metric.rpartition(".")[2]):
        if name in series:
            return [number for number in series[name].values if math.isfinite(number)]
    return []


class _TrialJudge:
    """Whether the run of a trial is to end; asked several times a second."""

    def __init__(self, project: Project, definition: SweepDefinition, name: str, number: int) -> None:
        self._project = project
        self._definition = definition
        self._name = name
        self._number = number
        self._metric = next(iter(definition.objectives))
        self._watched = Watched(project.store)
        self._ended: dict[str, list[float]] = {}  # record commit of an ended trial -> its curve
        self._seen = 0
        self._due = 0.0
        self._running: Experiment | None = None  # the trial itself, once its run has begun
        self._searcher: Any = None

    def __call__(self) -> str:
        if time.monotonic() < self._due:
            return ""
        started = time.monotonic()
        own = self._own()
        took = time.monotonic() - started
        self._due = started + max(_EVERY, _SHARE * took)
        if len(own) == self._seen:
            return ""
        self._seen = len(own)
        with contextlib.suppress(Exception):  # whatever is wrong with a curve must not cost a run
            if self._is_hopeless(own, self._others()):
                return reading.PRUNED
        return ""

    def _is_hopeless(self, own: Sequence[float], others: Sequence[TrialCurve]) -> bool:
        pruner = self._definition.pruner
        if pruner in _OURS:
            (direction,) = self._definition.objectives.values()
            return halving.is_hopeless(pruner, direction, TrialCurve(self._number, own), others, SPARED)
        if self._searcher is None:
            self._searcher = plugins.load("search", "optuna")(self._definition)
        return bool(self._searcher.is_hopeless(own, [other.numbers for other in others]))

    def _own(self) -> list[float]:
        """The curve so far of the run."""
        for state in live_runs(self._project.local):
            if state.name != self._name:
                continue
            for path in curves.places(self._project.config.plots, self._metric):
                with contextlib.suppress(OSError), (Path(state.root) / path).open("rb") as file:
                    if numbers := curves.curve(path, file.read(_LARGEST), self._metric):
                        return numbers
        if self._running is None:
            one = self._project.store.get(self._name)
            if not isinstance(one, Experiment) or one.record.status is not Status.RUNNING:
                return []
            self._running = one
        return _logged(self._project, self._running, self._metric)

    def _others(self) -> list[TrialCurve]:
        """The curves of the trials that have ended, or were pruned."""
        found = []
        for one in readable(self._watched.all()):
            record = one.record
            if record.sweep != self._definition.id or not record.trial or is_touched(one):
                continue
            if record.status is Status.DONE or reading.was_pruned(one):
                if one.id not in self._ended:
                    self._ended[one.id] = curve_of(self._project, one, self._metric)
                if numbers := self._ended[one.id]:
                    found.append(TrialCurve(record.trial["number"], numbers))
        return found
