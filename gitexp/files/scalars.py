"""Single values: read from plain text, told apart, compared."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TypeGuard

from gitexp.model import Scalar, Value

_NULLS = {"", "~", "null", "Null", "NULL"}
_BOOLS: dict[str, bool] = {}
for _words, _truth in (("true yes on", True), ("false no off", False)):
    for _word in _words.split():
        _BOOLS.update(dict.fromkeys((_word, _word.capitalize(), _word.upper()), _truth))
_INT = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[0-9][0-9_]*[eE][-+]?[0-9]+)"
)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_BASES = {"0b": 2, "0x": 16}


def plain_scalar(text: str) -> Scalar:
    """The value of an unquoted YAML scalar.

    PyYAML's safe loader gives the same (YAML 1.1: `yes` means true, `010` means 8), and so a training script
    sees the same. Three exceptions: `1e-3` means a number, like in YAML 1.2, and dates and base-60 numbers
    (`1:30`) stay text. Raises ValueError for an integer too long to convert.
    """
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if _INT.fullmatch(text):
        return _int(text)
    if _FLOAT.fullmatch(text):
        number = float(text.replace("_", ""))
        # A commit id such as 7e123456 looks like a float.
        return number if math.isfinite(number) else text
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _int(text: str) -> Scalar:
    digits = text.replace("_", "").lstrip("+-")
    base = 10
    if digits[:2] in _BASES:
        base, digits = _BASES[digits[:2]], digits[2:]
    elif digits.startswith("0"):
        base = 8
    if not digits:
        return text
    number = int(digits, base)
    return -number if text.startswith("-") else number


def is_number(value: object) -> bool:
    """Whether `value` is an int or a float; a bool is neither."""
    return isinstance(value, int | float) and not isinstance(value, bool)


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
