"""Lines of JSON that say when they were written: several files of them are one, in the order of time."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from typing import Any

from gitexp.log_rules import TIME
from gitexp.named_tuple import NamedTuple


class TimedLine(NamedTuple):
    """A line with its line feed, and the object in it."""

    line: bytes
    said: dict[str, Any]


def in_order(files: Iterable[Iterable[bytes]]) -> Iterator[TimedLine]:
    """Yield the lines of several files, the earliest first; the lines of one file stay in order.

    A line that says no time has that of the line before it. What is no object is left out: a kill has cut it
    short.
    """
    return (line for _, line in heapq.merge(*map(_timed, files), key=_time_of))


def _timed(lines: Iterable[bytes]) -> Iterator[tuple[float, TimedLine]]:
    """Yield each line with the latest time so far: a clock may be set back."""
    latest = 0.0
    for line in lines:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict):
            time = said.get(TIME)
            if type(time) is float or (type(time) is int and time.bit_length() < 64):
                latest = max(latest, time)
            yield latest, TimedLine(line.rstrip(b"\n") + b"\n", said)


def _time_of(timed: tuple[float, TimedLine]) -> float:
    return timed[0]
