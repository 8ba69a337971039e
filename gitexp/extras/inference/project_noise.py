"""The noise of a project's metrics, for tables and comparisons: it says there what `judge` says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain, islice

from gitexp.catalog import rows
from gitexp.extras.inference.comparison import LEVEL, GroupComparison, Sample, compare
from gitexp.extras.inference.noise import NoiseFloor, noise_floor
from gitexp.extras.inference.selection import may_be_best
from gitexp.extras.inference.sides import JudgedSide, by_metric, seed_texts
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.views.uncertainty import Distance, RunValues

_ALPHA = 1.0 - LEVEL
_UNKNOWN = Distance(None, None, None, None)


class ProjectNoise:
    """The noise of the metrics of a project, from its groups of replicates."""

    def __init__(self, project: Project, repeated: Sequence[Sequence[Experiment]]) -> None:
        self._project = project
        self._repeated = repeated
        self._floors: dict[str, NoiseFloor | None] = {}
        self._sides: dict[int, tuple[RunValues, JudgedSide]] = {}

    @cached_property
    def _values(self) -> Mapping[str, Sequence[Sequence[float]]]:
        """The finite values of each group, by metric."""
        every = list(chain.from_iterable(self._repeated))
        places = [one.record.project for one in every]
        flat = iter(rows.flat([one.record.metrics for one in every], self._project.config.named, places))
        groups = []
        for group in self._repeated:
            groups.append(list(islice(flat, len(group))))
        return by_metric(groups)

    def floor(self, metric: str) -> NoiseFloor | None:
        """The noise floor of a metric; None without replicates with the metric."""
        if metric not in self._floors:
            self._floors[metric] = noise_floor(self._values.get(metric, ()))
        return self._floors[metric]

    def of_one_run(self, metric: str) -> tuple[float, float] | None:
        """The standard deviation of one run, and its degrees of freedom; None if they are unknown."""
        floor = self.floor(metric)
        if floor is None:
            return None
        return floor.sd, floor.dof

    def distances(
        self, sides: Sequence[RunValues], metrics: Sequence[str]
    ) -> Mapping[str, Sequence[Distance]]:
        """The distance of each further side from the first, by metric; all hold together."""
        judged = [self._side(side) for side in sides]
        level = 1.0 - _ALPHA / max(len(metrics) * (len(sides) - 1), 1)  # Bonferroni, as in `judge`
        found = {}
        for metric in metrics:
            first, *others = [side.sample(metric) for side in judged]
            of_metric = []
            for runs, other in zip(sides[1:], others, strict=True):
                if sides[0].can_be_judged and runs.can_be_judged:
                    of_metric.append(self._distance(metric, first, other, level))
                else:
                    of_metric.append(_UNKNOWN)
            found[metric] = of_metric
        return found

    def _distance(self, metric: str, first: Sample, other: Sample, level: float) -> Distance:
        if not first.values or not other.values:
            return _UNKNOWN
        made = compare(first, other, self.floor(metric), level)
        is_inside = None
        if not math.isnan(made.p):
            is_inside = not made.is_decided and made.effect != 0.0
        return Distance(is_inside, *_known(made))

    def may_be_best(self, metric: str, sides: Sequence[RunValues], *, lowest: bool) -> Sequence[bool] | None:
        """Whether each of the sides may be the best; None if the noise is unknown."""
        samples = [self._side(side).sample(metric) for side in sides]
        rules_out = [side.can_be_judged for side in sides]
        found = may_be_best(samples, self.floor(metric), lowest=lowest, rules_out=rules_out)
        if found is None:
            return None
        # A number too large to reckon with cannot be ruled out.
        return [is_one or not sample.values for is_one, sample in zip(found, samples, strict=True)]

    def _side(self, runs: RunValues) -> JudgedSide:
        if id(runs) not in self._sides:
            seeds: list[str | None] = [None] * len(runs.experiments)
            members = [one for one in runs.experiments if one is not None]
            # A single run has no partners that a test of pairs could use.
            if len(members) == len(seeds) > 1:
                seeds = seed_texts(self._project, members)
            # The runs are kept too, so that no others get their id.
            self._sides[id(runs)] = runs, JudgedSide(runs.name, (), runs.metrics, seeds)
        return self._sides[id(runs)][1]


def _known(made: GroupComparison) -> tuple[float | None, ...]:
    """The interval and the noise; None in place of infinity and NaN."""
    found = (made.low, made.high, made.noise)
    return tuple(value if math.isfinite(value) else None for value in found)
