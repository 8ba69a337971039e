"""How near the metrics of a reproduction come: pure functions of values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gitexp import averages
from gitexp.catalog.certificates import Grade
from gitexp.files import is_finite, is_number
from gitexp.files.scalars import jsonable
from gitexp.model import MISSING, Flat, Value
from gitexp.named_tuple import NamedTuple
from gitexp.project.sections.directions import of_config
from gitexp.regex import regex

ALPHA = 0.05  # the chance of a faithful run outside of the prediction intervals, for all metrics together
FEWEST = 3  # replicates for a prediction interval, the experiment included
ANY = "any"
_PERCENT = regex(r"\s*%")


class Spread(NamedTuple):
    """The expected range of one more run of the same group.

    Attributes:
        low, high: the bounds.
        runs: the number of runs behind the range.
    """

    low: float
    high: float
    runs: int


class MetricPair(NamedTuple):
    """A metric on both sides.

    Attributes:
        name: the flat key.
        original, again: the values; MISSING for none.
        tolerance: the allowed distance; None without an entry in gitexp.yaml, infinity for `any`.
        spread: the range of replicates; None if unknown.
    """

    name: str
    original: Value
    again: Value
    tolerance: float | None = None
    spread: Spread | None = None

    @property
    def is_compared(self) -> bool:
        return self.tolerance != math.inf

    @property
    def grade(self) -> Grade:
        """The best grade of this metric alone."""
        if not self.is_compared or same(self.original, self.again):
            return Grade.BITWISE
        if not (_is_finite(self.original) and _is_finite(self.again)):
            return Grade.DIFFERENT
        if self.tolerance is not None and abs(self.again - self.original) <= self.tolerance:
            return Grade.TOLERANCE
        if self.spread is not None and self.spread.low <= self.again <= self.spread.high:
            return Grade.STATISTICAL
        return Grade.DIFFERENT


def same(one: Value, other: Value) -> bool:
    """Whether two values are the same to the last bit: 1 and 1.0 are not, NaN and NaN are."""
    if one is MISSING or other is MISSING:
        return one is other
    return repr(jsonable(one)) == repr(jsonable(other)) and type(one) is type(other)


def tolerance_of(metric: str, value: Value, configured: Mapping[str, str]) -> float | None:
    """The allowed distance from a value of a metric; None without an entry in gitexp.yaml."""
    text = of_config(metric, configured)
    if text is None:
        return None
    if text.lower() == ANY:
        return math.inf
    number = float(_PERCENT.sub("", text))
    if "%" not in text:
        return number
    if not _is_finite(value):
        return 0.0
    size: float = abs(value)
    return number / 100 * size


def pairs(
    original: Flat, again: Flat, configured: Mapping[str, str], spreads: Mapping[str, Spread]
) -> list[MetricPair]:
    """The metrics of both sides."""
    found = []
    for name in dict.fromkeys([*original, *again]):
        value = original.get(name, MISSING)
        tolerance = tolerance_of(name, value, configured)
        found.append(MetricPair(name, value, again.get(name, MISSING), tolerance, spreads.get(name)))
    return found


def spread(values: Sequence[float], quantile: float) -> Spread | None:
    """The prediction interval for one more value; None for too few.

    `quantile`: Student's, two-sided; its degrees of freedom are the number of values less 1.
    """
    if len(values) < FEWEST or not all(map(_is_finite, values)):
        return None
    center = averages.mean(values)
    reach = quantile * averages.deviation(values) * math.sqrt(1 + 1 / len(values))
    return Spread(center - reach, center + reach, len(values))


def of_metrics(found: Sequence[MetricPair]) -> Grade:
    """The grade of all metrics together: the worst grade."""
    order = list(Grade)
    return max((pair.grade for pair in found), key=order.index, default=Grade.BITWISE)


def _is_finite(value: object) -> bool:
    return is_number(value) and is_finite(value)  # type: ignore[arg-type] # a number by now
