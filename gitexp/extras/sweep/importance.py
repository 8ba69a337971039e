"""How much of the differences in the objective goes with each param; no input or output.

Without Optuna, each param is looked at alone: the trials are put into groups with alike values, and the share
is how far the groups differ, beyond what groups of that size differ by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gitexp.extras.sweep.space import Axis, AxisKind
from gitexp.extras.sweep.trials import KnownPoint

LEAST = 8  # trials; with fewer, any param can seem important
_MOST_GROUPS = 4  # of the values of a number


class Importance(NamedTuple):
    """The importance of the params.

    Attributes:
        shares: the share of each param, the largest first; {} if nobody knows.
        remark: why nobody knows, or how the shares were found; "" for Optuna's.
    """

    shares: Mapping[str, float]
    remark: str = ""


def ordered(axes: Sequence[Axis], shares: Mapping[str, float]) -> dict[str, float]:
    """The shares, the largest first; among equals in the order of the axes."""
    order = [axis.key for axis in axes]
    keys = sorted(shares, key=lambda key: (-shares[key], order.index(key)))
    return {key: shares[key] for key in keys}


def simple(axes: Sequence[Axis], known: Sequence[KnownPoint]) -> dict[str, float]:
    """The share of each param in the differences of the first objective; {} if no param has one."""
    found = dict[str, float]()
    numbers = [one.results[0] for one in known if one.results is not None]
    for at, axis in enumerate(axes):
        texts = [one.point[at] for one in known if one.results is not None]
        found[axis.key] = _explained(_groups(axis, texts), numbers)
    total = math.fsum(found.values())
    if not total:
        return {}
    return {key: share / total for key, share in found.items()}


def _groups(axis: Axis, texts: Sequence[str]) -> list[int]:
    """The group of each trial: one for each choice, and of numbers up to four, from low to high."""
    values = sorted(set(texts))
    if axis.kind is not AxisKind.CHOICE:
        values.sort(key=float)
    count = len(values)
    if axis.kind is not AxisKind.CHOICE:
        count = min(count, _MOST_GROUPS)
    return [values.index(text) * count // len(values) for text in texts]


def _explained(groups: Sequence[int], numbers: Sequence[float]) -> float:
    """The part of the variance of some numbers that goes with their groups; what chance gives is 0."""
    members: dict[int, list[float]] = {}
    for group, number in zip(groups, numbers, strict=True):
        members.setdefault(group, []).append(number)
    within = math.fsum(map(_squares, members.values()))
    total, free = _squares(numbers), len(numbers) - len(members)
    if not total or free <= 0:
        return 0.0
    by_chance = (len(members) - 1) * within / free
    return max(total - within - by_chance, 0.0) / total


def _squares(numbers: Sequence[float]) -> float:
    """The sum of the squared distances from the mean."""
    mean = math.fsum(numbers) / len(numbers)
    return math.fsum((number - mean) ** 2 for number in numbers)
