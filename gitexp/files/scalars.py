"""Single values: told apart, compared, changed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeGuard

from gitexp.model import Value


def is_number(value: object) -> bool:
    """Whether `value` is an int or a float; a bool is neither."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_finite(value: float) -> bool:
    """Whether a number is neither NaN nor infinite; an integer may be too long for a float."""
    return isinstance(value, int) or math.isfinite(value)


def same(a: Value, b: Value) -> bool:
    """Whether two values are equal in type, too: 1, 1.0 and True differ, and NaN equals NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b) or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


def is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str)


def is_nested(value: object) -> bool:
    """Whether a value is a map or a list."""
    return isinstance(value, dict | list)


def as_list(value: Value) -> list[Value]:
    """A list; any other value as the only item of one."""
    if isinstance(value, list):
        return value
    return [value]


def each_leaf(value: Value, change: Callable[[Value], Value]) -> Value:
    """`value` with `change` applied to all in it but maps and lists."""
    if isinstance(value, dict):
        return {key: each_leaf(child, change) for key, child in value.items()}
    if isinstance(value, list):
        return [each_leaf(child, change) for child in value]
    return change(value)


def jsonable(value: Value) -> Value:
    """`value` with every float that JSON cannot hold as the string "nan", "inf" or "-inf"."""
    return each_leaf(value, _json_scalar)


def _json_scalar(value: Value) -> Value:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
