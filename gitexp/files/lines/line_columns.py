"""Columns of numbers from many lines of `files.series`: several times faster than line by line.

The result is the same as line by line. If a line is no point, the result is None, and the caller reads line
by line.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from gitexp.files.lines.series import LONGEST_INTEGER, LONGEST_LINE, NOT_FINITE
from gitexp.log_rules import LONGEST_STEP, STEP, TIME
from gitexp.named_tuple import NamedTuple

TOGETHER = 256 * 1024  # bytes of lines, about, that are best parsed at a time

_LARGE = 2**LONGEST_INTEGER
_NUMBERS = {int, float}


class LineColumn(NamedTuple):
    """The points of one metric in the order of their lines.

    Attributes:
        steps: the step of each value. Several metrics may share steps and times.
        times: the time of each value, in seconds since 1970.
        values: the values; NaN and infinity are numbers.
    """

    steps: Sequence[int]
    times: Sequence[float]
    values: Sequence[float]


def columns(lines: bytes) -> dict[str, LineColumn] | None:
    """The columns of whole lines, by the names of their metrics, in the order of their first points.

    None if a line is no point.
    """
    points = _parsed(lines.removesuffix(b"\n"))
    if points is None:
        return None
    return _by_names(points)


def _parsed(text: bytes) -> list[dict[str, Any]] | None:
    """The object of each line, parsed in one array; None if a line is no object.

    Also None for a closing brace in a name: the number of braces shows a line with two objects.
    """
    count = text.count(b"\n") + 1
    if len(text) > LONGEST_LINE or not (text.startswith(b"{") and text.endswith(b"}")):
        return None
    if text.count(b"}") != count or text.count(b"}\n{") != count - 1:
        return None
    try:
        # No text in JSON has a line feed, so that none begins in one line and ends in another.
        found: list[dict[str, Any]] = json.loads(b"[%b]" % text.replace(b"\n", b"\n,"))
    except (ValueError, RecursionError):
        return None
    if len(found) != count:
        return None
    return found


def _by_names(points: Sequence[dict[str, Any]]) -> dict[str, LineColumn] | None:
    """The columns of parsed lines; None if a line is no point. Lines with the same names make a table."""
    by_names: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for point in points:
        by_names.setdefault(tuple(point), []).append(point)
    found: dict[str, LineColumn] = {}
    in_several = set[str]()
    for names, alike in by_names.items():
        table = {}
        for name in names:
            table[name] = [point[name] for point in alike]
        of_names = _of_points(table)
        if of_names is None:
            return None
        in_several |= found.keys() & of_names.keys()
        found |= of_names
    return found | _in_order_of_lines(points, in_several)


def _in_order_of_lines(points: Sequence[dict[str, Any]], names: Collection[str]) -> dict[str, LineColumn]:
    """The columns of metrics logged together with different other metrics; all lines are points."""
    columns: dict[str, tuple[list[int], list[float], list[float]]] = {name: ([], [], []) for name in names}
    if columns:
        for point in points:
            for name in columns.keys() & point.keys():
                steps, times, values = columns[name]
                steps.append(point[STEP])
                times.append(point[TIME])
                values.append(NOT_FINITE.get(point[name], point[name]))
    return {name: LineColumn(*lists) for name, lists in columns.items()}


def _of_points(found: dict[str, list[Any]]) -> dict[str, LineColumn] | None:
    """The columns of the table of lines with the same names; None if a line is no point."""
    steps, times = found.pop(STEP, None), found.pop(TIME, None)
    if steps is None or times is None or set(map(type, steps)) != {int}:
        return None
    if not -LONGEST_STEP < min(steps) <= max(steps) < LONGEST_STEP or not _are_numbers(times):
        return None
    columns: dict[str, LineColumn] = {}
    for name, values in found.items():
        numbers = _numbers(values)
        if numbers is None:
            return None
        columns[name] = LineColumn(steps, times, numbers)
    return columns


def _numbers(values: list[Any]) -> list[float] | None:
    """The numbers of a metric; None for a value that is no number."""
    if str in set(map(type, values)):
        try:
            values = [NOT_FINITE[value] if type(value) is str else value for value in values]
        except KeyError:
            return None
    if not _are_numbers(values):
        return None
    return values


def _are_numbers(values: list[Any]) -> bool:
    """True for numbers without integers too large for a float."""
    types = set(map(type, values))
    if int in types:
        integers = [value for value in values if type(value) is int]
        if not -_LARGE < min(integers) <= max(integers) < _LARGE:
            return False
    return types <= _NUMBERS
