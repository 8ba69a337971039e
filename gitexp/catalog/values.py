"""Params and metrics of two sides, value by value."""

from __future__ import annotations

from gitexp.catalog import rows
from gitexp.files import is_number
from gitexp.model import MISSING, Change, Files


def change_of(change: Change) -> tuple[float | None, float | None]:
    """Return how much a number changed, and by how many percent; None where that has no meaning."""
    if not is_number(change.old) or not is_number(change.new):
        return None, None
    difference = change.new - change.old
    return difference, (100 * difference / abs(change.old) if change.old else None)


def value_pairs(old: Files, new: Files) -> list[Change]:
    """Return all values of params or metrics on both sides, by flat keys; a missing side is MISSING."""
    before, after = rows.flat([old, new])
    keys = dict.fromkeys([*before, *after])
    return [Change(key, before.get(key, MISSING), after.get(key, MISSING)) for key in keys]


def differs(pair: Change) -> bool:
    """Return whether the two sides differ: 1 and 1.0 do not, 1 and true do."""
    old, new = pair.old, pair.new
    # NaN is not equal to itself, but a loss that was NaN and is NaN has not changed.
    same = (type(old) is type(new) and (old == new or (old != old and new != new))) or (
        is_number(old) and is_number(new) and old == new
    )
    return not same
