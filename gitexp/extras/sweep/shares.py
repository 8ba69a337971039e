"""Where in a space the points of a random and of a Sobol search lie; no input or output.

A share is a number from 0 up to but not including 1, for one axis. Both sequences depend on the seed and on
the number of the trial alone: so a search that was stopped goes on with the points that it would have had.
"""

from __future__ import annotations

import hashlib

from gitexp.errors import UsageError

_BITS = 32
_ONE = 1 << _BITS

# The primitive polynomials and first direction numbers of S. Joe and F. Y. Kuo (2008): for each axis but the
# first the degree, the inner coefficients, and the numbers.
_DIRECTIONS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (1, 0, (1,)),
    (2, 1, (1, 3)),
    (3, 1, (1, 3, 1)),
    (3, 2, (1, 1, 1)),
    (4, 1, (1, 1, 3, 3)),
    (4, 4, (1, 3, 5, 13)),
    (5, 2, (1, 1, 5, 5, 17)),
    (5, 4, (1, 1, 5, 5, 5)),
    (5, 7, (1, 1, 7, 11, 19)),
    (5, 11, (1, 1, 5, 1, 1)),
    (5, 13, (1, 1, 1, 3, 11)),
    (5, 14, (1, 3, 5, 5, 31)),
    (6, 1, (1, 3, 3, 9, 7, 49)),
    (6, 13, (1, 1, 1, 15, 21, 21)),
    (6, 16, (1, 3, 1, 13, 27, 49)),
    (6, 19, (1, 1, 1, 15, 7, 5)),
    (6, 22, (1, 3, 1, 15, 13, 25)),
    (6, 25, (1, 1, 5, 5, 19, 61)),
    (7, 1, (1, 3, 7, 11, 23, 15, 103)),
    (7, 4, (1, 3, 7, 13, 13, 15, 69)),
)
MOST_AXES = len(_DIRECTIONS) + 1


def random_share(seed: str, number: int, axis: str) -> float:
    """The share of an axis in the random trial with a number."""
    return _hashed(f"{seed}\0{number}\0{axis}") / _ONE


def sobol_shares(seed: str, number: int, axes: int) -> list[float]:
    """The share of each axis in the trial with a number of a Sobol sequence, shifted by the seed.

    Raises UsageError for too many axes.
    """
    if axes > MOST_AXES:
        raise UsageError(
            f"A Sobol sequence has up to {MOST_AXES} params here, and these are {axes}.",
            "Use method: random, which takes any number.",
        )
    found = []
    for axis in range(axes):
        shift = _hashed(f"{seed}\0sobol\0{axis}")
        found.append((_sobol(axis, number) ^ shift) / _ONE)
    return found


def _sobol(axis: int, number: int) -> int:
    """The element of the unshifted sequence of one axis, in 32 bits; the axis 0 counts in base two."""
    number %= _ONE
    gray = number ^ (number >> 1)
    found = 0
    for place, direction in enumerate(_directions(axis, gray.bit_length())):
        if gray >> place & 1:
            found ^= direction
    return found


def _directions(axis: int, count: int) -> list[int]:
    """The first direction numbers of an axis, in 32 bits."""
    if axis == 0:
        return [1 << (_BITS - 1 - place) for place in range(count)]
    degree, inner, first = _DIRECTIONS[axis - 1]
    found = [number << (_BITS - 1 - place) for place, number in enumerate(first)]
    for place in range(degree, count):
        number = found[place - degree] ^ (found[place - degree] >> degree)
        for step in range(1, degree):
            if inner >> (degree - 1 - step) & 1:
                number ^= found[place - step]
        found.append(number)
    return found[:count]


def _hashed(text: str) -> int:
    """A number below 2 ** 32, the same for the same text on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()[:4], "big")
