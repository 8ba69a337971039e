"""How near a metric comes: same bits, tolerance, spread."""

from __future__ import annotations

import math

import pytest

from gitexp.catalog.certificates import Grade
from gitexp.extras.inference import student
from gitexp.extras.reproduction.grades import MetricPair, Spread, pairs, same, spread
from gitexp.model import MISSING, Value


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (0.1, 0.1, True),
        (0.1, math.nextafter(0.1, 1), False),
        (1, 1.0, False),
        (1, True, False),
        (math.nan, math.nan, True),
        (0.0, -0.0, False),
        ([1, math.nan], [1, math.nan], True),
        (math.inf, "inf", False),
        (1, MISSING, False),
    ],
)
def test_the_same_to_the_last_bit(one: Value, other: Value, expected: bool) -> None:
    assert same(one, other) is expected


@pytest.mark.parametrize(
    ("text", "again", "grade"),
    [
        ("0.01", 0.509, Grade.TOLERANCE),
        ("1 %", 0.509, Grade.DIFFERENT),
        ("2%", 0.509, Grade.TOLERANCE),
        ("any", 7.0, Grade.BITWISE),
        ("any", MISSING, Grade.BITWISE),
        ("9", math.nan, Grade.DIFFERENT),
        ("9", "half", Grade.DIFFERENT),
        ("9", MISSING, Grade.DIFFERENT),
    ],
)
def test_tolerance(text: str, again: Value, grade: Grade) -> None:
    (pair,) = pairs({"acc": 0.5}, {} if again is MISSING else {"acc": again}, {"acc": text}, {})
    assert pair.grade is grade


def test_what_replicates_vary_by() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = [0.1, 0.2, 0.4]
    quantile = student.quantile(0.975, 2)
    found = spread(values, quantile)
    assert found is not None
    center, reach = sum(values) / 3, stats.t.ppf(0.975, 2) * 0.1527525231651947 * math.sqrt(4 / 3)
    assert found.low == pytest.approx(center - reach)
    assert found.high == pytest.approx(center + reach)
    assert spread(values[:2], quantile) is None
    assert spread([0.1, math.nan, 0.2], quantile) is None
    assert MetricPair("acc", 0.1, 0.3, None, Spread(0.0, 0.2, 3)).grade is Grade.DIFFERENT
