"""Params and summary values given in code, as JSON has them."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from enum import Enum
from typing import Any

from gitexp.extras.tracking.numbers import number

_DEEPEST = 50  # levels
_LONGEST_INTEGER = 10_000  # bits; Python writes no longer one in decimal digits


def plain_mapping(values: Any) -> dict[str, Any]:
    """The values of a mapping, a dataclass or a namespace, ready for JSON. Raises TypeError for others."""
    found = _as_mapping(values)
    if found is None:
        raise TypeError(f"a mapping of names to values is wanted, and not a {type(values).__name__}")
    return {str(name): plain(value) for name, value in found.items()}


def plain(value: Any, depth: int = 0) -> Any:
    """A value ready for JSON: what JSON does not have is its text, and so are NaN and infinity."""
    if isinstance(value, Enum):
        return plain(value.value, depth)
    if isinstance(value, int) and value.bit_length() > _LONGEST_INTEGER:
        return hex(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if depth < _DEEPEST:
        if (found := _as_mapping(value)) is not None:
            return {str(name): plain(each, depth + 1) for name, each in found.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [plain(each, depth + 1) for each in value]
    try:
        return plain(number("", value), depth)
    except TypeError:
        return str(value)


def _as_mapping(value: Any) -> Mapping[Any, Any] | None:
    if isinstance(value, Mapping):
        return value
    dataclasses = sys.modules.get("dataclasses")  # a script without it has none, and need not load it
    if dataclasses is not None and dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    if type(value).__name__ == "Namespace" and hasattr(value, "__dict__"):  # of argparse
        found: dict[str, Any] = vars(value)
        return found
    return None
