"""The noise floor of a metric: how far apart runs are that differ in nothing but the seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from gitexp import averages
from gitexp.named_tuple import NamedTuple

# The median of the distance of two values of a normal distribution is this many standard deviations:
# the third quartile of the standard normal distribution, times the root of 2.
_MEDIAN_DISTANCE = 0.674489750196082 * math.sqrt(2.0)
# A median of distances knows as much as a standard deviation of so many times fewer values (Rousseeuw and
# Croux, Journal of the American Statistical Association 88 (1993), of the median absolute deviation).
_EFFICIENCY = 0.37
_WILD = 2.0  # times the robust figure: then wild runs are in the pooled one


class NoiseFloor(NamedTuple):
    """The noise of a metric, pooled over groups of replicates.

    Attributes:
        sd: the standard deviation of one run; 0 for runs that are all equal.
        runs: the number of runs that it rests on.
        groups: the number of groups of these.
        is_robust: whether wild runs were left out of account.
    """

    sd: float
    runs: int
    groups: int
    is_robust: bool = False

    @property
    def dof(self) -> float:
        """The degrees of freedom of a standard deviation that is known as well as this one."""
        known = self.runs - self.groups
        return max(_EFFICIENCY * known, 1.0) if self.is_robust else float(known)


def noise_floor(groups: Sequence[Sequence[float]]) -> NoiseFloor | None:
    """The noise floor from the finite values of each group; None without two values in any group.

    The pooled standard deviation, unless wild runs make that more than twice a robust figure, which counts
    then: the weighted median of the distances within the groups, in which each group weighs as much as it
    has degrees of freedom. One wild run in four does not change its size.
    """
    used = [list(values) for values in groups if len(values) > 1]
    if not used:
        return None
    distances = []
    for values in used:
        weight = 2.0 / len(values)  # n - 1 for all n(n - 1)/2 pairs together
        for one, other in combinations(values, 2):
            distances.append((abs(one - other), weight))
    pooled, robust = _pooled(used), _weighted_median(distances) / _MEDIAN_DISTANCE
    is_wild = 0.0 < _WILD * robust < pooled
    return NoiseFloor(robust if is_wild else pooled, sum(map(len, used)), len(used), is_wild)


def _weighted_median(weighted: list[tuple[float, float]]) -> float:
    """The value at half of the weight; where the half lies between two values, their mean."""
    weighted.sort()
    half, passed = sum(weight for _, weight in weighted) / 2, 0.0
    for at, (value, weight) in enumerate(weighted):
        passed += weight
        if math.isclose(passed, half, rel_tol=1e-9) and at + 1 < len(weighted):
            return (value + weighted[at + 1][0]) / 2
        if passed > half:
            return value
    return weighted[-1][0]


def _pooled(groups: Sequence[Sequence[float]]) -> float:
    """The pooled standard deviation."""
    squares, dof = 0.0, 0
    for values in groups:
        squares += averages.squares(values)
        dof += len(values) - 1
    return math.sqrt(squares / dof)
