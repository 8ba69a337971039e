"""Two groups of runs compared by one metric: effect, interval, probability.

Sources. Two groups of at least three runs: Welch, Biometrika 34 (1947), with the degrees of freedom of
Welch and Satterthwaite. Pairs by seed: Student's test of the differences. With one run or two of a side,
whose own variance says little: the noise floor, or the pooled variance of the two. Many comparisons: Holm,
Scandinavian Journal of Statistics 6 (1979); intervals by Bonferroni.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum

from gitexp import averages
from gitexp.extras.inference import student
from gitexp.extras.inference.noise import NoiseFloor
from gitexp.named_tuple import NamedTuple

LEVEL = 0.95  # of intervals
_POWER_AND_LEVEL = (1.959963984540054 + 0.8416212335729143) ** 2  # two-sided 5 %, power 80 %
_FEWEST = 3  # pairs, or runs of each side, for a variance of their own


class ComparisonKind(StrEnum):
    """The method of a comparison."""

    PAIRED = "paired by seed"
    WELCH = "Welch"
    NOISE = "noise floor"
    POOLED = "pooled"
    SEQUENTIAL = "sequential"
    NONE = "none"


class Sample(NamedTuple):
    """The runs of one side, and their finite values of a metric.

    Attributes:
        values: the values.
        by_seed: the value of each seed with exactly one run of the side; {} without seeds.
        missing: runs without the metric, or without a finite number.
    """

    values: Sequence[float]
    by_seed: Mapping[str, float] = {}
    missing: int = 0

    @property
    def mean(self) -> float | None:
        """The mean of the values; None without a value."""
        if not self.values:
            return None
        return averages.mean(self.values)


class GroupComparison(NamedTuple):
    """The difference of two groups by one metric.

    Attributes:
        effect: mean of the second minus mean of the first.
        low, high: the interval of the effect, at the given level; NaN if the noise is unknown.
        p: the p value of no difference, two-sided; NaN likewise.
        more: the probability of a larger mean of the second; NaN likewise.
        manner: the method of the comparison.
        noise: the standard deviation of a run in this comparison; NaN likewise.
        runs: the number of runs of each side; for pairs, twice the number of pairs.
        needed: runs of each side to detect a difference of this size, with power 80 %; None if unknown.
    """

    effect: float
    low: float
    high: float
    p: float
    more: float
    manner: ComparisonKind
    noise: float
    runs: tuple[int, int]
    needed: int | None

    @property
    def is_decided(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0.0 or self.high < 0.0


class Contrast(NamedTuple):
    """The difference of two groups, before a level is chosen.

    Attributes:
        effect: mean of the second minus mean of the first.
        error: the standard error of the effect; 0 for runs without any noise, NaN if unknown.
        dof: the degrees of freedom of the error.
        manner: the method of the comparison.
        noise: the standard deviation of a run in this comparison.
        runs: the number of runs of each side.
    """

    effect: float
    error: float
    dof: float
    manner: ComparisonKind
    noise: float
    runs: tuple[int, int]

    def at(self, level: float) -> GroupComparison:
        """The comparison with intervals of a level."""
        if math.isnan(self.error):
            nothing = (math.nan, math.nan, math.nan, math.nan)
            return GroupComparison(self.effect, *nothing, self.manner, math.nan, self.runs, None)
        if self.error == 0.0:  # runs that are bit by bit the same
            return _sure(self.effect, self.runs)._replace(manner=self.manner)
        half = student.quantile((1 + level) / 2, self.dof) * self.error
        t = self.effect / self.error
        return GroupComparison(
            self.effect,
            self.effect - half,
            self.effect + half,
            student.two_sided(t, self.dof),
            student.cdf(t, self.dof),
            self.manner,
            self.noise,
            self.runs,
            runs_needed(self.effect, self.noise),
        )

    def is_above(self, alpha: float) -> bool:
        """Whether the second is larger, by a one-sided test at the level alpha."""
        if math.isnan(self.error) or self.effect <= 0.0:
            return False
        # A whole number of degrees of freedom, rounded down, is the careful one, and has been asked before.
        return self.effect > student.quantile(1.0 - alpha, max(math.floor(self.dof), 1)) * self.error


def compare(
    first: Sample, second: Sample, floor: NoiseFloor | None = None, level: float = LEVEL
) -> GroupComparison:
    """The comparison of two samples, each with at least one value; `floor`: the metric's, if known."""
    return contrast(first, second, floor).at(level)


def contrast(first: Sample, second: Sample, floor: NoiseFloor | None = None) -> Contrast:
    """The difference of two samples, each with at least one value; `floor`: the metric's, if known."""
    pairs = []
    for seed, value in first.by_seed.items():
        if seed in second.by_seed:
            pairs.append(second.by_seed[seed] - value)
    every_run_is_paired = len(pairs) == len(first.values) == len(second.values)
    if len(pairs) >= _FEWEST and every_run_is_paired:
        return _of_pairs(pairs)
    effect = averages.mean(second.values) - averages.mean(first.values)
    counts = (len(first.values), len(second.values))
    if min(counts) >= _FEWEST and (found := _welch(first.values, second.values, effect)):
        return found
    if floor is not None:
        manner, noise, dof = ComparisonKind.NOISE, floor.sd, floor.dof
    elif sum(counts) > 2:  # a variance needs one value more than there are means
        manner, dof = ComparisonKind.POOLED, float(sum(counts) - 2)
        noise = math.sqrt((averages.squares(first.values) + averages.squares(second.values)) / dof)
    else:
        return Contrast(effect, math.nan, 0.0, ComparisonKind.NONE, math.nan, counts)
    if noise == 0.0:
        manner = ComparisonKind.NOISE
    return Contrast(effect, noise * math.sqrt(1 / counts[0] + 1 / counts[1]), dof, manner, noise, counts)


def holm(ps: Sequence[float]) -> list[float]:
    """The p values of several comparisons, adjusted for their number; NaN stays."""
    ordered = sorted((p, at) for at, p in enumerate(ps) if not math.isnan(p))
    adjusted, highest = list(ps), 0.0
    for rank, (p, at) in enumerate(ordered):
        highest = max(highest, min((len(ordered) - rank) * p, 1.0))
        adjusted[at] = highest
    return adjusted


def runs_needed(effect: float, noise: float) -> int | None:
    """Runs of each side to detect a difference, at 5 % with power 80 %; None for no or too many runs."""
    if effect == 0.0 or not math.isfinite(effect) or math.isnan(noise):
        return None
    needed = 2 * _POWER_AND_LEVEL * (noise / effect) ** 2
    if needed >= 1e9:
        return None
    return max(math.ceil(needed), 2)


def _welch(first: Sequence[float], second: Sequence[float], effect: float) -> Contrast | None:
    """The difference by the two groups' own variances; None if both are 0."""
    parts, below = [], 0.0
    for values in (first, second):
        part = averages.variance(values) / len(values)
        parts.append(part)
        below += part**2 / (len(values) - 1)
    if sum(parts) == 0.0 or below == 0.0:
        return None
    noise = math.sqrt((averages.variance(first) + averages.variance(second)) / 2)
    counts = (len(first), len(second))
    dof = sum(parts) ** 2 / below
    return Contrast(effect, math.sqrt(sum(parts)), dof, ComparisonKind.WELCH, noise, counts)


def _of_pairs(differences: Sequence[float]) -> Contrast:
    count = len(differences)
    variance = averages.variance(differences)
    noise = math.sqrt(variance / 2)  # of one run, were the two of a pair independent
    error = math.sqrt(variance / count)
    return Contrast(
        averages.mean(differences), error, count - 1, ComparisonKind.PAIRED, noise, (count, count)
    )


def _sure(effect: float, runs: tuple[int, int]) -> GroupComparison:
    """The comparison of runs without any noise: any effect is certain."""
    p, more = 1.0, 0.5
    if effect != 0.0:
        p, more = 0.0, float(effect > 0.0)
    return GroupComparison(effect, effect, effect, p, more, ComparisonKind.NOISE, 0.0, runs, None)
