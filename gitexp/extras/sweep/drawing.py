"""The next point of a sweep; no input or output.

A point is drawn from the seed and the number of the trial. One that was run before is drawn again.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from typing import Protocol

from gitexp.extras.sweep.definition import Method, SweepDefinition
from gitexp.extras.sweep.shares import random_share, sobol_shares
from gitexp.extras.sweep.spaces.grid import MOST
from gitexp.extras.sweep.spaces.space import Drawn, Space

_DRAWS = 100  # of points that were all run before
_SUGGESTIONS = 5  # of a method that learns, before points are drawn at random


class Suggest(Protocol):
    """The suggestion of a method that learns, for a seed."""

    def __call__(self, seed: str) -> Drawn: ...


def next_point(
    definition: SweepDefinition, number: int, used: Collection[Drawn], suggest: Suggest | None
) -> Drawn | None:
    """The point of the trial with a number, none of the used ones; None if the space is used up."""
    for point in itertools.islice(_drawn(definition, number, suggest), _most_draws(definition)):
        if point not in used:
            return point
    if definition.method is Method.GRID:
        return None
    return _left(definition, number, used)


def _most_draws(definition: SweepDefinition) -> int:
    return MOST if definition.method is Method.GRID else _DRAWS


def _drawn(definition: SweepDefinition, number: int, suggest: Suggest | None) -> Iterator[Drawn]:
    """Yield points for a trial, the one to be preferred first."""
    space, seed = definition.space, definition.seed
    if definition.method is Method.GRID:
        yield from (space.at(at) for at in range(int(space.size)))
        return
    if definition.method is Method.SOBOL:
        shares = sobol_shares(seed, number, len(space.axes))
        yield tuple(axis.at(share) for axis, share in zip(space.axes, shares, strict=True))
    if suggest is not None:
        for attempt in range(_SUGGESTIONS):
            yield suggest(f"{seed} {number} {attempt}")
    for attempt in itertools.count():
        yield _random(space, f"{seed} {attempt}" if attempt else seed, number)


def _random(space: Space, seed: str, number: int) -> Drawn:
    return tuple(axis.at(random_share(seed, number, axis.key)) for axis in space.axes)


def _left(definition: SweepDefinition, number: int, used: Collection[Drawn]) -> Drawn | None:
    """One of the points that a small space has left."""
    space = definition.space
    if space.size > MOST:
        return None
    left = []
    for at in range(int(space.size)):
        point = space.at(at)
        if point not in used:
            left.append(point)
    if not left:
        return None
    return left[int(random_share(definition.seed, number, "left") * len(left))]
