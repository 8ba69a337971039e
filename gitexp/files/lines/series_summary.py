"""The summaries of metrics: a few numbers for each metric, from the lines of `files.series`.

Lines with the same metrics are read together: a million lines take about a second. The result is the same as
for each line alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add

from gitexp.files.lines.line_columns import LineColumn, columns
from gitexp.files.lines.series import LoggedPoint, ReadLine, read_line
from gitexp.named_tuple import NamedTuple


class MetricSummary(NamedTuple):
    """The summary of one metric: a few numbers about its series.

    Attributes:
        last: the value with the highest step; for equal steps, the value of the later line.
        step: the step of `last`.
        low, high: the lowest and the highest value; None if all are NaN.
        total: the sum of the values.
        length: the number of the values; NaN counts.
    """

    last: float
    step: int
    low: float | None
    high: float | None
    total: float
    length: int

    def number(self, kind: str) -> float:
        """The last, the lowest (`min`), the highest (`max`) or the `mean` value; NaN if all are NaN."""
        if kind == "mean":
            return self.total / self.length
        if kind in ("min", "max"):
            found = self.high
            if kind == "min":
                found = self.low
            if found is None:
                return math.nan
            return found
        return self.last


class MetricSummaries:
    """The summaries of metrics, updated with every point.

    Attributes:
        by_name: the summaries, in the order of the first points of their metrics.
        damaged: the number of invalid lines.
        is_cut: whether the last line is incomplete, because of a kill.
    """

    def __init__(self) -> None:
        self.by_name: dict[str, MetricSummary] = {}
        self.damaged = 0
        self.is_cut = False

    def add(self, point: LoggedPoint) -> None:
        """Add a point."""
        for name, value in point.values.items():
            self.by_name[name] = _continued(self.by_name.get(name), value, point.step)

    def add_line(self, read: ReadLine) -> None:
        """Add a line. Invalid lines are counted."""
        if read.point is not None:
            self.add(read.point)
        elif read.line.endswith(b"\n"):
            self.damaged += 1
        else:
            self.is_cut = True

    def add_lines(self, lines: bytes) -> None:
        """Add whole lines, at best some thousands at a time."""
        found = columns(lines)
        if found is None:
            for line in _each(lines):
                self.add_line(ReadLine(line, read_line(line)))
            return
        for name, column in found.items():
            self.by_name[name] = _continued_by(self.by_name.get(name), column)


def _each(lines: bytes) -> Iterator[bytes]:
    """Yield each line with its line feed; the last line may have none."""
    *whole, rest = lines.split(b"\n")
    for line in whole:
        yield line + b"\n"
    if rest:
        yield rest


def _continued(before: MetricSummary | None, value: float, step: int) -> MetricSummary:
    """The summary of a metric with one more value."""
    number = None
    if not math.isnan(value):
        number = value
    if before is None:
        return MetricSummary(value, step, number, number, value, 1)
    last, last_step, low, high, total, length = before
    if step >= last_step:
        last, last_step = value, step
    if number is not None:
        if low is None or number < low:
            low = number
        if high is None or number > high:
            high = number
    return MetricSummary(last, last_step, low, high, _sum(total, [value]), length + 1)


def _continued_by(before: MetricSummary | None, column: LineColumn) -> MetricSummary:
    """The summary of a metric with the values of a column."""
    steps, _, values = column
    if before is None:
        before = _continued(None, values[0], steps[0])
        steps, values = steps[1:], values[1:]
        if not values:
            return before
    last, last_step, low, high, total, length = before
    highest = max(steps)
    if highest >= last_step:
        last, last_step = values[_last_index(steps, highest)], highest
    total = _sum(total, values)
    numbers = values
    if total != total:  # there may be NaN among them
        numbers = [value for value in values if value == value]
    if numbers:
        lowest, highest_value = min(numbers), max(numbers)
        if low is None or lowest < low:
            low = lowest
        if high is None or highest_value > high:
            high = highest_value
    return MetricSummary(last, last_step, low, high, total, length + len(values))


def _sum(total: float, values: Sequence[float]) -> float:
    """The sum of a total and some values, added one by one."""
    try:
        return reduce(add, values, total)  # `sum` rounds in another way, from Python 3.12 on
    except OverflowError:  # integers together too large for a float
        return reduce(add, map(_as_float, values), _as_float(total))


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _last_index(steps: Sequence[int], step: int) -> int:
    """The last place of a step."""
    at = len(steps) - 1
    while steps[at] != step:
        at -= 1
    return at
