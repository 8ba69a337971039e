"""An experiment beside its reproduction: how near, and where they part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.views import environments

HERE, BUILT = "here", "built"  # the environment of a reproduction
_INSTALLERS = ("manager", "pip", "setuptools", "uv", "wheel")


class ReproductionComparison(NamedTuple):
    """A reproduction beside its experiment.

    Attributes:
        original, again: the two experiments.
        grade: the grade of the reproduction.
        metrics: the metrics of both sides.
        outs: the results of both sides.
        curves: the number of curves of the experiment.
        partings: where curves part, the earliest step first.
        circumstances: the differing packages, hardware and variables.
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
        """The metrics with another value."""
        return [pair for pair in self.metrics if pair.grade is not Grade.BITWISE]

    @property
    def stage(self) -> str:
        """The first stage with a differing result; "" for none."""
        return next((out.stage for out in self.outs.differing if out.stage), "")


def compare(project: Project, original: Experiment, again: Experiment) -> ReproductionComparison:
    """The reproduction `again` beside its experiment. Raises LockError for an unreadable gitexp.lock."""
    first, second = _complete(project, original), _complete(project, again)
    before, after = rows.flat([first.record.metrics, second.record.metrics])
    spreads = _spreads(project, original, before)
    metrics = grades.pairs(before, after, project.config.tolerance, spreads)
    compared = outs.compare(project, first, second)
    drawn = curves(project, first)
    parted = partings(drawn, curves(project, second), project.config.tolerance)
    grade = _grade(metrics, compared, parted)
    changes = environments.circumstances(project, original, again)
    if again.record.reproduces.get("environment") == BUILT:  # uv has replaced the original installer
        changes = [change for change in changes if change.key not in _INSTALLERS]
    return ReproductionComparison(original, again, grade, metrics, compared, len(drawn), parted, changes)


def has_results(project: Project, one: Experiment) -> bool:
    """Whether an experiment has a metric, a curve or a result to compare."""
    complete = _complete(project, one)
    return bool(complete.record.metrics or complete.record.series or outs.count(project, complete))


def _complete(project: Project, one: Experiment) -> Experiment:
    found = lookup.complete(project, one)
    return found if isinstance(found, Experiment) else one


def _grade(metrics: Sequence[MetricPair], compared: ComparedOuts, parted: Sequence[Parting]) -> Grade:
    """The grade of all together. With differing files or curves at best TOLERANCE, by the metrics alone."""
    found = grades.of_metrics(metrics)
    if found is not Grade.BITWISE:
        return found
    if not compared.differing and not parted:
        return Grade.BITWISE
    if any(pair.is_compared for pair in metrics):
        return Grade.TOLERANCE
    return Grade.DIFFERENT


def _spreads(project: Project, original: Experiment, metrics: Flat) -> dict[str, Spread]:
    """The expected range of one more replicate of the experiment, by metric."""
    members = _replicates(project, original)
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


def _replicates(project: Project, original: Experiment) -> Sequence[Experiment]:
    """The replicates of an experiment with a good end, the experiment included."""
    key = key_of(original)
    if not key:
        return []
    alike = []
    for one in project.store.readable():
        if one.record.status is Status.DONE and key_of(one) == key:
            alike.append(one)
    return groups(alike, Replicates.EVERY).get(key, [])


def _spread(name: str, flat: Sequence[Mapping[str, object]], metrics: int) -> Spread | None:
    """The expected range of a metric; None for too few values. `metrics`: their number, for Bonferroni."""
    values = [value for each in flat if is_number(value := each.get(name))]
    if len(values) < grades.FEWEST:
        return None
    quantile = student.quantile(1 - grades.ALPHA / metrics / 2, len(values) - 1)
    return grades.spread(values, quantile)  # type: ignore[arg-type] # numbers by now
