"""Numbers of Python, NumPy, PyTorch and their like, as JSON. Nothing of these packages is imported."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from gitexp.log_rules import LONGEST_STEP

_LONGEST_INTEGER = 1023  # bits; no float is larger


def json_text(name: str, value: Any) -> str:
    """The text of a number in a line of series; NaN and infinity as texts, see docs/format.md.

    Raises TypeError, naming the metric, for anything that is not one number.
    """
    found = number(name, value)
    if math.isfinite(found):
        return repr(found)
    if math.isnan(found):
        return '"nan"'
    if found > 0:
        return '"inf"'
    return '"-inf"'


def number(name: str, value: Any) -> int | float:
    """The plain number in a value. Raises TypeError, naming the metric."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        if value.bit_length() > _LONGEST_INTEGER:
            raise ValueError(f"the metric {name!r} is an integer of {value.bit_length():,} bits: too large")
        return int(value)
    if isinstance(value, float | Real):
        return _float(name, value)
    if hasattr(value, "item") or hasattr(value, "numpy"):
        return _of_array(name, value)
    raise _no_number(name, value)


def whole_step(value: Any) -> int:
    """The number of a step: an integer, or a float or scalar that is one. Raises TypeError and ValueError."""
    try:
        found = number("", value)
    except (TypeError, ValueError):
        found = math.nan
    if isinstance(value, bool) or not math.isfinite(found) or found != math.floor(found):
        raise TypeError(f"the step is an integer, and not {value!r:.100}")
    step = int(found)
    if not -LONGEST_STEP < step < LONGEST_STEP:
        raise ValueError(f"the step {step} has more than 63 bits")
    return step


def _float(name: str, value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a fraction of large integers
        raise _no_number(name, value) from None


def _of_array(name: str, value: Any) -> int | float:
    """The one number of an array or a tensor."""
    try:
        found = value.item() if hasattr(value, "item") else value.numpy().item()
    except (ValueError, RuntimeError, TypeError, AttributeError):  # there are more, or none
        raise _no_number(name, value) from None
    if isinstance(found, bool | int | float):
        return int(found) if isinstance(found, bool) else found
    raise _no_number(name, value)


def _no_number(name: str, value: Any) -> TypeError:
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    if shape is not None:
        kind += f" of shape {tuple(shape)}"
    advice = "log_table and log_figure keep more"
    if isinstance(value, str):
        advice = "log_text keeps texts"
    elif isinstance(value, Mapping) and value:
        advice = f"each number has a name of its own, such as {f'{name}/{next(iter(value))}'!r}"
    return TypeError(f"the metric {name!r} is no number but a {kind}; {advice}")


def is_on_device(value: Any) -> bool:
    """Whether a value is still being computed on a GPU or the like, so that to read it is to wait."""
    kind = getattr(getattr(value, "device", None), "type", "cpu")
    return kind not in ("cpu", "meta") and hasattr(value, "detach")
