"""Equal numbers have their value as mean, and no spread at all, wherever either is reckoned."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitexp import averages
from gitexp.catalog import replicates
from gitexp.extras.inference.comparison import ComparisonKind, Sample, compare
from gitexp.extras.inference.noise import noise_floor
from gitexp.extras.inference.sequential import evidence
from gitexp.extras.plots import curves
from gitexp.extras.plots.curves import DrawnCurve
from gitexp.extras.reproduction import grades
from gitexp.model import Mean

# The rounded sums of these, divided by their number, are other numbers.
CROOKED = [(0.6666666666666667, 3), (0.1, 3), (0.84615, 3), (0.7, 6)]


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(2, 9))
def test_equal_numbers_have_no_spread(number: float, count: int) -> None:
    numbers = [number] * count
    assert (averages.mean(numbers), averages.deviation(numbers)) == (number, 0.0)


def test_others_have_mean_and_deviation() -> None:
    assert (averages.mean([1, 2, 6]), averages.variance([1, 2, 6])) == (3.0, 7.0)
    assert isinstance(averages.mean([3, 3]), float)
    with pytest.raises(OverflowError):
        averages.mean([1e308, 1.1e308])


@pytest.mark.parametrize(("value", "count"), CROOKED)
def test_equal_runs_have_no_noise(value: float, count: int) -> None:
    equal = [value] * count
    mean = replicates.mean_of(equal, count)
    assert isinstance(mean, Mean)
    assert (mean, mean.deviation) == (value, 0.0)
    floor = noise_floor([equal, equal])
    assert floor is not None
    assert floor.sd == 0.0
    by_seed = {str(seed): value for seed in range(count)}
    zeros = dict.fromkeys(by_seed, 0.0)
    paired = compare(Sample([0.0] * count, zeros), Sample(equal, by_seed))
    assert (paired.manner, paired.low, paired.high) == (ComparisonKind.PAIRED, value, value)
    assert evidence(equal).error == 0.0
    drawn = curves.mean_of("x", [DrawnCurve(str(run), [1.0], [value]) for run in range(count)])
    assert (drawn.y, drawn.low, drawn.high) == ([value], [value], [value])
    spread = grades.spread(equal, 2.0)
    assert spread is not None
    assert (spread.low, spread.high) == (value, value)
