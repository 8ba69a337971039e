"""How much of the differences in a metric goes with each param; no input or output.

Each param is looked at alone: the experiments are put into groups with alike values, and the share is how far
the groups differ, beyond what groups of that size differ by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from gitexp import averages
from gitexp.named_tuple import NamedTuple

LEAST = 8  # experiments; with fewer, any param can seem important
_MOST_GROUPS = 4  # of the values of a number

# The values of a param, one for each experiment: all of them numbers, or texts; None for no value.
ParamValues: TypeAlias = Sequence[float | str | None]


class Importance(NamedTuple):
    """The importance of the params.

    Attributes:
        shares: the share of each param, the largest first; {} if unknown.
        remark: the reason for unknown shares, or the method; "" for Optuna's.
    """

    shares: Mapping[str, float]
    remark: str = ""


def ordered(shares: Mapping[str, float]) -> dict[str, float]:
    """The shares, the largest first; equal shares keep their order."""
    keys = sorted(shares, key=lambda key: -shares[key])
    return {key: shares[key] for key in keys}


def simple(params: Mapping[str, ParamValues], results: Sequence[float]) -> dict[str, float]:
    """The share of each param in the differences of some results; {} if all shares are 0."""
    found = dict[str, float]()
    for key, values in params.items():
        found[key] = _explained(_groups(values), results)
    total = math.fsum(found.values())
    if not total:
        return {}
    return {key: share / total for key, share in found.items()}


def _groups(values: ParamValues) -> list[int]:
    """The group of each value: a group for each text, and up to four groups of numbers, from low to high."""
    numbers = sorted({value for value in values if isinstance(value, int | float)})
    texts = sorted({value for value in values if isinstance(value, str)})
    place: dict[float | str | None, int] = {None: -1}
    for at, number in enumerate(numbers):
        place[number] = at * min(len(numbers), _MOST_GROUPS) // len(numbers)
    for at, text in enumerate(texts):
        place[text] = _MOST_GROUPS + at
    return [place[value] for value in values]


def _explained(groups: Sequence[int], numbers: Sequence[float]) -> float:
    """The part of the variance explained by the groups, beyond the part expected by chance."""
    members: dict[int, list[float]] = {}
    for group, number in zip(groups, numbers, strict=True):
        members.setdefault(group, []).append(number)
    within = math.fsum(map(averages.squares, members.values()))
    total, free = averages.squares(numbers), len(numbers) - len(members)
    if not total or free <= 0:
        return 0.0
    by_chance = (len(members) - 1) * within / free
    return max(total - within - by_chance, 0.0) / total
