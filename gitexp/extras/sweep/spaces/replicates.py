"""Points repeated with several seeds; no input or output."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.errors import OverrideError
from gitexp.extras.sweep.spaces.grid import MOST
from gitexp.files import parse_override
from gitexp.files.command_words.overrides import split_override
from gitexp.model import Value
from gitexp.runs.checks.seeds import Seed
from gitexp.runs.planning.plan import PlannedPoint

_SEEDS = 2**32  # NumPy takes no larger seeds


def repeated(points: Sequence[tuple[str, ...]], count: int, seed: Seed | None) -> list[PlannedPoint]:
    """Each point `count` times, with a seed of its own each time, and with numbers from 1.

    Without a seed the points are simply repeated. Raises OverrideError for a seed that is no whole number, or
    that has several values in the points; and for more than `MOST` runs.
    """
    total = len(points) * count
    if total > MOST:
        raise OverrideError(
            f"These are {total:,} runs, and {MOST:,} are the most.", "Leave some values out, or repeat less."
        )
    if seed is None:
        repeated = []
        for point in points:
            for number in range(1, count + 1):
                repeated.append(PlannedPoint(point, number))
        return repeated
    _require_one(points, seed)
    seeds = seeds_from(seed, count)
    found = []
    for point in points:
        for number, value in enumerate(seeds, 1):
            found.append(PlannedPoint(_with_seed(point, seed, value), number))
    return found


def seeds_from(seed: Seed, count: int) -> list[int]:
    """The first `count` seeds: the value of the seed, and one more each time; after 2**32 - 1 comes 0.

    They begin at 0 for a seed without a value or below 0. Raises OverrideError for any other value.
    """
    first = _first(seed.value)
    if first is None:
        raise OverrideError(
            f"The seed {seed.name} is {seed.value!r}, and --repeat needs a whole number to count from.",
            f"Give one: -S {seed.name}=1; another param is the seed: seed: in gitexp.yaml names it.",
        )
    seeds = []
    for value in range(first, first + count):
        seeds.append(value % _SEEDS if first < _SEEDS else value)
    return seeds


def _first(value: Value) -> int | None:
    """The whole number to count from; None for a value that cannot be counted from."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return max(value, 0)


def _require_one(points: Sequence[tuple[str, ...]], seed: Seed) -> None:
    """Raise OverrideError for points that have several seeds already."""
    given = set()
    for point in points:
        for text in point:
            if seed.is_meant(parse_override(text)):
                given.add(text)
    if len(given) > 1:
        raise OverrideError(
            f"{seed.name} is the seed, and -S gives it several values already.",
            f"Leave --repeat out, or give the first seed alone: -S {seed.name}=1 --repeat {len(given)}",
        )


def _with_seed(point: tuple[str, ...], seed: Seed, value: int) -> tuple[str, ...]:
    """The overrides with a value for the seed, in its place if the seed is among them."""
    found, is_there = [], False
    for text in point:
        if seed.is_meant(parse_override(text)):
            text = f"{split_override(text)[0]}={value}"
            is_there = True
        found.append(text)
    if not is_there:
        found.append(f"{seed.name}={value}")
    return tuple(found)
