"""The parts of answers of MLflow's server, of which any may be missing or of another type."""

from __future__ import annotations

import math
from typing import Any

from gitexp.log_rules import LONGEST_STEP
from gitexp.named_tuple import NamedTuple

_INFINITE = 1.7976931348623157e308  # MLflow's number for infinity: some databases have none


class MetricRow(NamedTuple):
    """A value of a metric; `value` is None for NaN, `time` in ms since 1970."""

    name: str
    value: float | None
    time: int
    step: int


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; an object for each."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def pairs(value: Any) -> dict[str, str]:
    """The texts in a list of keys and values."""
    return {str(each.get("key", "")): str(each.get("value", "")) for each in dicts(value)}


def rows_of(metrics: Any) -> list[MetricRow]:
    """The values in a list of metrics; nonsense is passed over."""
    found = []
    for each in dicts(metrics):
        try:
            number = float(each["value"])
            time, step = int(each["timestamp"]), int(each.get("step") or 0)
        except (KeyError, ValueError, TypeError, OverflowError):
            continue
        if abs(number) >= _INFINITE:
            number = math.copysign(math.inf, number)
        if abs(step) < LONGEST_STEP:
            found.append(
                MetricRow(str(each.get("key", "")), None if number != number else number, time, step)
            )
    return found
