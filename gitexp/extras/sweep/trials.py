"""The trials of a sweep, read from the records of its experiments; no input or output."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from gitexp import averages, files
from gitexp.catalog.rows import meant
from gitexp.extras.sweep.definition import Method, SweepDefinition
from gitexp.extras.sweep.spaces.space import Drawn, of_overrides
from gitexp.files import is_finite, is_number
from gitexp.model import Experiment, Record, Status, is_touched
from gitexp.named_tuple import NamedTuple

_BEST_FIRST = (Status.DONE, Status.RUNNING, Status.QUEUED, Status.INTERRUPTED, Status.FAILED)
ALIVE = (Status.DONE, Status.RUNNING, Status.QUEUED)  # of a run that is not run again
PRUNED = "pruned"  # the reason in the record
_HAS_FAILED = (Status.INTERRUPTED, Status.FAILED)


class Trial(NamedTuple):
    """A point of a sweep, with its experiments.

    Attributes:
        number: its number, from 0.
        point: the text of each axis; () for a point of an earlier, other space.
        runs: its experiment, or an experiment for each seed. Of several tries, the try that came furthest.
        removed: experiments in the trash without a successor.
        by_hand: whether its experiment was run by hand, and stands for the point.
    """

    number: int
    point: Drawn
    runs: Sequence[Experiment]
    removed: Sequence[Experiment] = ()
    by_hand: bool = False

    @property
    def state(self) -> str:
        """How its experiments stand: `done` if all are."""
        states = [one.record.status for one in self.runs]
        for status in (Status.RUNNING, Status.QUEUED, Status.FAILED, Status.INTERRUPTED):
            if status in states:
                if status is Status.INTERRUPTED and not self.failed:
                    return PRUNED
                return str(status)
        return "removed" if self.removed else str(Status.DONE)

    @property
    def last(self) -> Experiment:
        """One of its experiments, the last one of them."""
        return [*self.removed, *self.runs][-1]

    @property
    def code(self) -> str:
        """The code of the trial: equal for two trials with different points and nothing else different."""
        return code_of(self.last)

    @property
    def failed(self) -> list[Experiment]:
        """The experiments with a bad end; to be pruned is no failure."""
        return [one for one in self.runs if one.record.status in _HAS_FAILED and not was_pruned(one)]


class KnownPoint(NamedTuple):
    """A point with a run, ended or running.

    Attributes:
        key: differs from the keys of other points; the same at every call.
        point: the text of each axis.
        is_over: whether the run has ended.
        results: the number of each objective; None for a failure, and during the run.
    """

    key: str
    point: Drawn
    is_over: bool
    results: tuple[float, ...] | None


def was_pruned(one: Experiment) -> bool:
    """Whether a trial's experiment was ended early, because others were better."""
    return one.record.reason == PRUNED


def code_of(one: Experiment) -> str:
    """The code of a trial's experiment."""
    return str(one.record.trial.get("code", ""))


def definition_of(record: Record) -> SweepDefinition:
    """The sweep in the record of one of its trials; the number of trials counts up to this one.

    Raises OverrideError or ValueError for a record of a later version.
    """
    trial = record.trial
    texts = []
    for left, typed in trial["space"].items():
        if typed:
            left = f"{left}={typed}"
        texts.append(left)
    return SweepDefinition(
        id=record.sweep,
        name="",
        space=of_overrides(texts),
        method=Method(trial["method"]),
        trials=trial["number"] + 1,
        objectives=trial["objectives"],
        seed="",
        pruner=str(trial.get("pruner", "")),
    )


def of_sweep(
    definition: SweepDefinition, found: Iterable[Experiment], removed: Iterable[Experiment] = ()
) -> list[Trial]:
    """The trials of a sweep in order of their numbers."""
    present = _by_key(definition.id, found)
    gone = _by_key(definition.id, removed)
    trials = []
    for key in sorted({*present, *gone}):
        runs = present.get(key, {})
        missing = []
        for replicate, one in gone.get(key, {}).items():
            if replicate not in runs:
                missing.append(one)
        point = definition.space.point_of(dict(key.values))
        trials.append(Trial(key.number, point, [runs[replicate] for replicate in sorted(runs)], missing))
    return trials


class _Key(NamedTuple):
    """A trial: its number and its point. Two clones at work may have given one number twice."""

    number: int
    values: tuple[tuple[str, str], ...]


def _by_key(sweep: str, found: Iterable[Experiment]) -> dict[_Key, dict[int, Experiment]]:
    """The experiments of a sweep by trial, and by the number of the replicate."""
    by_key: dict[_Key, dict[int, Experiment]] = {}
    for one in found:
        record = one.record
        if record.sweep != sweep or not record.trial:
            continue
        key = _Key(record.trial["number"], tuple(sorted(record.trial["point"].items())))
        runs = by_key.setdefault(key, {})
        before = runs.get(record.replicate)
        if before is None or _rank(one) < _rank(before):
            runs[record.replicate] = one
    return by_key


def _rank(one: Experiment) -> int:
    return _BEST_FIRST.index(one.record.status)


def results(record: Record, objectives: Mapping[str, str]) -> tuple[float, ...] | None:
    """The number of each objective; None if any is missing, or is not finite."""
    metrics = files.flatten_files(record.metrics)
    found = []
    for metric in objectives:
        value = metrics.get(meant(metric, metrics), math.nan)
        if not is_number(value) or not is_finite(value):
            return None
        found.append(float(value))
    return tuple(found)


def mean_results(trial: Trial, objectives: Mapping[str, str]) -> tuple[float, ...] | None:
    """The number of each objective of a trial, the mean over its seeds; None if not all runs have one."""
    of_runs = []
    for one in trial.runs:
        found = results(one.record, objectives)
        if found is None or one.record.status is not Status.DONE or is_touched(one):
            return None
        of_runs.append(found)
    if not of_runs or trial.removed:
        return None
    return tuple(averages.mean(each) for each in zip(*of_runs, strict=True))


def counting(definition: SweepDefinition, trials: Sequence[Trial]) -> list[Trial]:
    """The trials that count towards the total: of a grid those at its points, else all."""
    if definition.method is not Method.GRID:
        return list(trials)
    return [trial for trial in trials if definition.space.has(trial.point)]


def without_number(trials: Sequence[Trial], objectives: Mapping[str, str]) -> list[str]:
    """The objectives for which no trial has a number."""
    left = list(objectives)
    for trial in trials:
        for one in trial.runs:
            left = [metric for metric in left if results(one.record, {metric: ""}) is None]
    return left


def as_known(
    trials: Sequence[Trial],
    objectives: Mapping[str, str],
    last_of: Callable[[Experiment], tuple[float, ...] | None] = lambda one: None,
) -> list[KnownPoint]:
    """The trials of a sweep as known points; removed ones are not known.

    `last_of` gives the last numbers of a pruned run.
    """
    known = []
    for trial in trials:
        if trial.removed:
            continue
        is_over = all(one.record.status.ended for one in trial.runs)
        found = mean_results(trial, objectives)
        if trial.state == PRUNED:
            found = last_of(trial.last)
        known.append(KnownPoint(f"{trial.number} {trial.point}", trial.point, is_over, found))
    return known
