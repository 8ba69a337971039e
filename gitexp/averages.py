"""Mean and spread of numbers: equal numbers have exactly their value as mean, and a spread of exactly 0.

The rounded sum of three times 0.1, divided by three, is not 0.1. So a mean by division alone would give equal
runs a noise of 1e-17, where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def mean(numbers: Sequence[float]) -> float:
    """The mean of at least one number. Raises OverflowError for numbers near the largest of a float."""
    if are_equal(numbers):
        return float(numbers[0])
    return math.fsum(numbers) / len(numbers)


def squares(numbers: Sequence[float]) -> float:
    """The sum of the squared distances from the mean. Raises OverflowError, too."""
    if are_equal(numbers):
        return 0.0
    middle = mean(numbers)
    return math.fsum((number - middle) ** 2 for number in numbers)


def variance(numbers: Sequence[float]) -> float:
    """The variance of a sample of at least two numbers, divided by n - 1. Raises OverflowError, too."""
    return squares(numbers) / (len(numbers) - 1)


def deviation(numbers: Sequence[float]) -> float:
    """The standard deviation of a sample of at least two numbers. Raises OverflowError, too."""
    return math.sqrt(variance(numbers))


def are_equal(numbers: Sequence[float]) -> bool:
    """Whether all of at least one number are equal."""
    return numbers.count(numbers[0]) == len(numbers)
