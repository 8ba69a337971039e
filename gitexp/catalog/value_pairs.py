"""Params and metrics of two sides, value by value."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from gitexp.catalog import rows
from gitexp.files import is_number
from gitexp.model import MISSING, Change, Files

_NOISE = 1e-12  # of a number; a float has 16 digits


def change_of(change: Change) -> tuple[float | None, float | None]:
    """The difference of two numbers, and the same in percent; None for one without a meaning."""
    if not is_number(change.old) or not is_number(change.new):
        return None, None
    try:
        difference = change.new - change.old
        float(difference)
        if not change.old:
            return difference, None
        return difference, 100 * difference / abs(change.old)
    except OverflowError:  # no float holds an integer of more than 308 digits
        return None, None


def value_pairs(
    old: Files, new: Files, together: Collection[str] = (), projects: Iterable[str | None] = ()
) -> list[Change]:
    """All params or metrics of two sides by flat key; a missing value is MISSING.

    For `together`, and the projects of the two sides, see `rows.flat`.
    """
    before, after = rows.flat([old, new], together, projects)
    keys = dict.fromkeys([*before, *after])
    return [Change(key, before.get(key, MISSING), after.get(key, MISSING)) for key in keys]


def is_noise(one: float, other: float) -> bool:
    """Whether two different numbers differ by no more than floats do after some sums in another order."""
    if isinstance(one, int) and isinstance(other, int):
        return False
    try:
        return math.isclose(one, other, rel_tol=_NOISE)
    except OverflowError:  # no float holds an integer of more than 308 digits
        return False


def differs(pair: Change) -> bool:
    """Whether two sides differ: 1 and 1.0 do not, 1 and true do."""
    old, new = pair.old, pair.new
    if is_number(old) and is_number(new):
        # NaN is not equal to itself, but a loss of NaN on both sides has not changed.
        return bool(old != new and (old == old or new == new)) and not is_noise(old, new)
    return type(old) is not type(new) or bool(old != new)
