"""An experiment beside its reproduction: how near, and where they part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gitexp.catalog import lookup, rows
from gitexp.catalog.certificates import Grade
from gitexp.catalog.replicates import Replicates, groups, key_of
from gitexp.extras.inference import student
from gitexp.extras.reproduction import grades, outs
from gitexp.extras.reproduction.curves import Parting, curves, partings
from gitexp.extras.reproduction.grades import MetricPair, Spread
from gitexp.extras.reproduction.outs import ComparedOuts
from gitexp.files import is_number
from gitexp.model import Change, Experiment, Flat, Status
from gitexp.project.project import Project
from gitexp.views import environments

HERE, BUILT = "here", "built"  # the environment of a reproduction
_INSTALLERS = ("manager", "pip", "setuptools", "uv", "wheel")


class ReproductionComparison(NamedTuple):
    """A reproduction beside its experiment.

    Attributes:
        original, again: the two experiments.
        grade: how near the reproduction came.
        metrics: the metrics of both sides.
        outs: the results of both sides.
        curves: the number of curves of the experiment.
        partings: where curves part, the earliest step first.
        circumstances: the packages, hardware and variables that differ.
    """

    original: Experiment
    again: Experiment
    grade: Grade
    metrics: Sequence[MetricPair]
    outs: ComparedOuts
    curves: int
    partings: Sequence[Parting]
    circumstances: Sequence[Change]

    @property
    def differing(self) -> list[MetricPair]:
        """The metrics that are not the same."""
        return [pair for pair in self.metrics if pair.grade is not Grade.BITWISE]

    @property
    def stage(self) -> str:
        """The first stage with a result that is not the same; "" for none."""
        return next((out.stage for out in self.outs.differing if out.stage), "")


def compare(project: Project, original: Experiment, again: Experiment) -> ReproductionComparison:
    """The reproduction `again` beside its experiment. Raises LockError for an unreadable gitexp.lock."""
    sides = [_complete(project, one) for one in (original, again)]
    before, after = rows.flat([one.record.metrics for one in sides])
    spreads = _spreads(project, original, before)
    metrics = grades.pairs(before, after, project.config.tolerance, spreads)
    compared = outs.compare(project, *sides)
    drawn = [curves(project, one) for one in sides]
    parted = partings(drawn[0], drawn[1], project.config.tolerance)
    grade = _grade(metrics, compared, parted)
    changes = environments.circumstances(project, original, again)
    if again.record.reproduces.get("environment") == BUILT:  # by uv, whatever installed the packages before
        changes = [change for change in changes if change.key not in _INSTALLERS]
    return ReproductionComparison(original, again, grade, metrics, compared, len(drawn[0]), parted, changes)


def has_results(project: Project, one: Experiment) -> bool:
    """Whether an experiment has anything that a reproduction can be compared by."""
    complete = _complete(project, one)
    return bool(complete.record.metrics or complete.record.series or outs.count(project, complete))


def _complete(project: Project, one: Experiment) -> Experiment:
    found = lookup.complete(project, one)
    return found if isinstance(found, Experiment) else one


def _grade(metrics: Sequence[MetricPair], compared: ComparedOuts, parted: Sequence[Parting]) -> Grade:
    """The grade of all together. Other files or curves are at best within tolerance, as the metrics say."""
    found = grades.of_metrics(metrics)
    if found is not Grade.BITWISE:
        return found
    if not compared.differing and not parted:
        return Grade.BITWISE
    return Grade.TOLERANCE if any(pair.is_compared for pair in metrics) else Grade.DIFFERENT


def _spreads(project: Project, original: Experiment, metrics: Flat) -> dict[str, Spread]:
    """Where one more replicate of the experiment is expected, by metric."""
    key = key_of(original)
    every = [one for one in project.store.readable() if one.record.status is Status.DONE]
    members = groups([one for one in every if key and key_of(one) == key], Replicates.EVERY).get(key, [])
    numbers = [name for name, value in metrics.items() if is_number(value)]
    if len(members) < grades.FEWEST or not numbers:
        return {}
    flat = rows.flat([one.record.metrics for one in members])
    found = dict[str, Spread]()
    for name in numbers:
        spread = _spread(name, flat, len(numbers))
        if spread is not None:
            found[name] = spread
    return found


def _spread(name: str, flat: Sequence[Mapping[str, object]], metrics: int) -> Spread | None:
    values = [value for each in flat if is_number(value := each.get(name))]
    if len(values) < grades.FEWEST:
        return None
    quantile = student.quantile(1 - grades.ALPHA / metrics / 2, len(values) - 1)
    return grades.spread(values, quantile)  # type: ignore[arg-type] # numbers by now
