"""A comparison that may be looked at after each pair of runs: its rate of errors holds all the same.

Differences of pairs are taken as normal, with any mean and any standard deviation. Against "no difference"
stands the mean, in standard deviations, as normal around 0 with variance 1. The ratio of the two likelihoods
of the t statistic is a martingale if there is no difference, so the chance that it ever reaches 1/alpha is
at most alpha (Ville). Sources: Lai, Annals of Statistics 4 (1976), in the form of Wang and Ramdas,
"Anytime-valid t-tests and confidence sequences for Gaussian means with unknown variance" (2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from gitexp import averages
from gitexp.extras.inference import student
from gitexp.extras.inference.comparison import ComparisonKind, GroupComparison
from gitexp.named_tuple import NamedTuple

_FEWEST = 3  # pairs, before anything is said


class PairEvidence(NamedTuple):
    """What pairs say so far.

    Attributes:
        pairs: their number.
        effect: the mean of the differences.
        ratio: the evidence for a difference against none; infinite for equal differences that are not 0.
        error: the standard error of the effect; 0 for equal differences, and for one alone.
        low, high: an interval that has the true effect at all times together, with a chance of 1 - alpha.
    """

    pairs: int
    effect: float
    ratio: float
    error: float
    low: float
    high: float

    def is_decided(self, alpha: float) -> bool:
        """Whether there is a difference, by a rule that errs at most with a chance of alpha."""
        return self.pairs >= _FEWEST and self.ratio >= 1.0 / alpha


def as_comparison(found: PairEvidence) -> GroupComparison:
    """The comparison that some pairs make: p and interval hold although one has looked after each pair."""
    p = 1.0 if found.ratio <= 1.0 else 1.0 / found.ratio
    more = float(found.effect > 0.0)
    if found.error > 0.0:
        more = student.cdf(found.effect / found.error, found.pairs - 1)
    noise = found.error * math.sqrt(found.pairs / 2)
    runs = (found.pairs, found.pairs)
    return GroupComparison(
        found.effect, found.low, found.high, p, more, ComparisonKind.SEQUENTIAL, noise, runs, None
    )


def evidence(differences: Sequence[float], alpha: float = 0.05) -> PairEvidence:
    """The evidence of some differences, in any order."""
    count = len(differences)
    effect = averages.mean(differences) if differences else 0.0
    if count < 2:
        return PairEvidence(count, effect, 1.0, 0.0, -math.inf, math.inf)
    squares = averages.squares(differences)
    if squares == 0.0:
        ratio = math.inf if effect != 0.0 else 0.0
        return PairEvidence(count, effect, ratio, 0.0, effect, effect)
    ratio = _ratio(count * effect * effect / squares, count)
    half = _half_width(count, alpha) * math.sqrt(squares / count)
    error = math.sqrt(squares / count / (count - 1))
    return PairEvidence(count, effect, ratio, error, effect - half, effect + half)


def _ratio(share: float, count: int) -> float:
    """The ratio of likelihoods; `share`: n times the squared mean, by the sum of the squares around it."""
    exponent = count / 2 * (math.log1p(share) - math.log1p(share / (1 + count)))
    exponent -= math.log1p(count) / 2
    return math.exp(exponent) if exponent < 700 else math.inf


def _half_width(count: int, alpha: float) -> float:
    """Half of the interval: the root of the largest share whose ratio is below 1/alpha; inf if all are."""
    # (1 + s) / (1 + s/(1+n)) = w, solved for s; the left side never reaches 1 + n.
    w = (math.sqrt(1 + count) / alpha) ** (2 / count)
    if w >= 1 + count:
        return math.inf
    return math.sqrt((w - 1) / (1 - w / (1 + count)))
