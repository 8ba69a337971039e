"""Student's t distribution, by the regularized incomplete beta function.

Source of the formulas: NIST Digital Library of Mathematical Functions, 8.17 (continued fraction 8.17.22).
SciPy has the same numbers, and takes half a second to import; the tests compare.
"""

from __future__ import annotations

import math
from functools import lru_cache

_TINY = 1e-300
_CLOSE = 1e-15  # relative
_MOST_TERMS = 10_000


def cdf(t: float, dof: float) -> float:
    """The probability of a value of at most `t`; `dof`: degrees of freedom, more than 0."""
    if math.isinf(t):
        return 1.0 if t > 0 else 0.0
    tail = 0.5 * _beta_ratio(dof / 2, 0.5, dof / (dof + t * t))
    return 1.0 - tail if t > 0 else tail


def two_sided(t: float, dof: float) -> float:
    """The probability of a value as far from 0 as `t`, or farther: the p value of a two-sided test."""
    if math.isinf(t):
        return 0.0
    return _beta_ratio(dof / 2, 0.5, dof / (dof + t * t))


@lru_cache(maxsize=1_000)  # a table asks for the same few
def quantile(probability: float, dof: float) -> float:
    """The value that is not exceeded with a probability, strictly between 0 and 1."""
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -quantile(1.0 - probability, dof)
    high = 1.0
    while cdf(high, dof) < probability:
        high *= 2.0
    low = 0.0
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if cdf(middle, dof) < probability:
            low = middle
        else:
            high = middle
    return high


def _beta_ratio(a: float, b: float, x: float) -> float:
    """The regularized incomplete beta function I_x(a, b)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, 1.0 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the function, from its end by Lentz's method."""
    c, d = 1.0, 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 / _not_zero(1.0 + term * d)
            c = _not_zero(1.0 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < _CLOSE:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
