"""The values of a table as JSON that a page shows and compares exactly as the command line does.

A cell is a plain value of JSON wherever JavaScript writes that value as gitexp does. Any other cell is an
object with its text `t`, and with what the text stands for:

v               a number that JavaScript would write otherwise: 1.0, 1e-05, 2**60; "nan", "inf" or "-inf"
v, sd, n, of    the mean of replicates, its standard deviation and counts, see `model.Mean`
list            the cells of a list; with `differing`, the different values of replicates
map             true for a map
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitexp.files import is_finite
from gitexp.model import Differing, Mean
from gitexp.words import clean, show_value

_EXACT = 2**53  # the integers up to here are numbers of JavaScript
_SMALLEST = 1e-4  # the floats below are written with an exponent


def cell(value: Any) -> Any:
    """The cell of a value."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        shown = clean(value)
        if shown == value:
            return value
        return {"t": shown, "s": value}
    if isinstance(value, int):
        if abs(value) <= _EXACT:
            return value
        return {"t": str(value), "v": float_of(value)}
    if isinstance(value, float):
        return _of_float(value)
    if isinstance(value, (list, tuple)):
        return _of_list(value)
    return {"t": show_value(value, longest=None), "map": isinstance(value, Mapping)}


def _of_float(value: float) -> Any:
    number = float_of(value)
    if isinstance(value, Mean):
        text = f"{float(value)!r}{value.spread}"
        return {"t": text, "v": number, "sd": value.deviation, "n": value.count, "of": value.of}
    if isinstance(number, float) and abs(value) >= _SMALLEST and not value.is_integer():
        return value
    return {"t": repr(value), "v": number}


def _of_list(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"t": show_value(value, longest=None), "list": [cell(one) for one in value]}
    if isinstance(value, Differing):
        found["differing"] = True
    return found


def float_of(value: float) -> float | str:
    """The float of a number for JSON; "nan", "inf" or "-inf" for others."""
    if is_finite(value):
        return float(value)
    if isinstance(value, int):
        return "inf" if value > 0 else "-inf"
    return str(value)
