"""What a run has logged step by step: lines of JSON, each a point with the values of one moment.

    {"_step": 3, "_time": 1764489600.123, "loss": 0.52, "acc": 0.81}

Each process writes a file of its own, only at its end, and each line with one call. So whatever is killed, at
most the last line is cut short, and no lock is needed on any disk. docs/format.md has the contract.
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Iterable, Iterator, Sequence

from gitexp.log_rules import LONGEST_STEP, STEP, TIME
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

SYSTEM = "system.jsonl"  # in the same folder: the points about the machine
SERIES = "series.jsonl"  # of a run; in the folder of a live run, that of its first process
WRITERS = regex(r"series(?:-[\w.-]+)?\.jsonl")  # the files whose points make up the series of a run
FACTS = regex(r"facts(?:-[\w.-]+)?\.jsonl")  # what was said once
_OF_RUN = regex(r"(series|rank-[0-9]+|system)(?:-[\w.-]+)?\.jsonl")
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")  # the endings of files with a row a step
NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
LONGEST_LINE = 16 * 1024 * 1024  # bytes; 10,000 metrics take about 400,000
LONGEST_INTEGER = 1023  # bits; no float is larger


def is_table(path: str) -> bool:
    """Whether a file may have a row for each step, by its name."""
    return path.lower().endswith(TABLES)


def stored_in(name: str) -> str | None:
    """The file of the record's tree with the points of a file of a live run; None for another file.

    A process that finds its file taken, by an earlier process of its rank, writes `rank-1-<process>.jsonl`.
    """
    found = _OF_RUN.fullmatch(name)
    return None if found is None else f"{found[1]}.jsonl"


class LoggedPoint(NamedTuple):
    """The values of one moment.

    Attributes:
        step: number of the step, usually counted from 0.
        time: seconds since the epoch.
        values: number by name; NaN and infinity are numbers.
    """

    step: int
    time: float
    values: dict[str, float]


def read_line(line: bytes) -> LoggedPoint | None:
    """The point of a line; None for any other line, like one cut short by a kill."""
    if len(line) > LONGEST_LINE:
        return None
    try:
        found = json.loads(line)
        step, time = found.pop(STEP), found.pop(TIME)
        if type(step) is not int or type(time) not in (int, float):
            return None
        time = float(time)
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError, OverflowError):
        return None
    if not -LONGEST_STEP < step < LONGEST_STEP:
        return None
    for name, value in found.items():
        if type(value) is float or (type(value) is int and value.bit_length() <= LONGEST_INTEGER):
            continue
        number = NOT_FINITE.get(value) if type(value) is str else None
        if number is None:
            return None
        found[name] = number
    return LoggedPoint(step, time, found)


class ReadLine(NamedTuple):
    """A line with its point; None for a line that has none."""

    line: bytes
    point: LoggedPoint | None


def in_order_of_time(files: Sequence[Iterable[bytes]]) -> Iterator[ReadLine]:
    """Yield the lines of several files as one, the earliest first; the lines of one file stay in order."""
    if len(files) == 1:
        return (ReadLine(line, read_line(line)) for line in files[0])
    return (read for _, read in heapq.merge(*map(_timed, files), key=_time_of))


def _timed(lines: Iterable[bytes]) -> Iterator[tuple[float, ReadLine]]:
    """Yield each line with the latest time so far: a clock may be set back."""
    latest = 0.0
    for line in lines:
        point = read_line(line)
        if point is not None:
            latest = max(latest, point.time)
        yield latest, ReadLine(line, point)


def _time_of(timed: tuple[float, ReadLine]) -> float:
    return timed[0]
