"""Series of metrics as columns of numbers, read whole.

The lines of `files.series` are parsed many at a time, and their numbers go into arrays: a million points take
a second or two, and 24 bytes each.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import lt
from typing import Any, overload

from gitexp.files.lines.line_columns import TOGETHER, LineColumn, columns
from gitexp.files.lines.series import LoggedPoint, read_line
from gitexp.log_rules import LONGEST_STEP
from gitexp.named_tuple import NamedTuple


class Series(Sequence[float]):
    """The values of one metric, in the order of their steps; each step once.

    It is a sequence of the values. NumPy takes it, and its `steps`, `times` and `values`, without a copy.

    Attributes:
        name: the name of the metric.
        steps: the step of each value.
        times: the time of each value, in seconds since 1970; NaN where none was noted.
        values: the values; NaN and infinity are numbers.
    """

    __slots__ = ("name", "steps", "times", "values")

    def __init__(self, name: str, steps: array[int], times: array[float], values: array[float]) -> None:
        self.name = name
        self.steps = steps
        self.times = times
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, at: int) -> float: ...
    @overload
    def __getitem__(self, at: slice) -> Series: ...
    def __getitem__(self, at: int | slice) -> float | Series:
        if isinstance(at, slice):
            return Series(self.name, self.steps[at], self.times[at], self.values[at])
        return self.values[at]

    def __iter__(self) -> Iterator[float]:
        return iter(self.values)

    def __repr__(self) -> str:
        if not self:
            return f"<Series {self.name}: empty>"
        return (
            f"<Series {self.name}: {len(self):,} values, the last {self.last:g} at step {self.steps[-1]:,}>"
        )

    @property
    def __array_interface__(self) -> Mapping[str, Any]:
        """The values as NumPy finds them."""
        order = "<" if sys.byteorder == "little" else ">"
        address, length = self.values.buffer_info()
        return {"version": 3, "shape": (length,), "typestr": f"{order}f8", "data": (address, False)}

    def called(self, name: str) -> Series:
        """The same series under another name."""
        return Series(name, self.steps, self.times, self.values)

    @property
    def last(self) -> float:
        """The value of the last step. Raises IndexError for an empty series."""
        return self.values[-1]

    @property
    def lowest(self) -> float:
        """The lowest value; NaN if all are NaN."""
        return min(self._numbers(), default=math.nan)

    @property
    def highest(self) -> float:
        """The highest value; NaN if all are NaN."""
        return max(self._numbers(), default=math.nan)

    def _numbers(self) -> Iterator[float]:
        return (value for value in self.values if value == value)


class _MetricPoints(NamedTuple):
    """The points of one metric in the order of their lines."""

    steps: array[int]
    times: array[float]
    values: array[float]


class SeriesColumns:
    """Takes in points of metrics, and gives the series."""

    def __init__(self) -> None:
        self._columns: dict[str, _MetricPoints] = {}

    def add(self, name: str, step: int, time: float, value: float) -> None:
        """Add a point of one metric."""
        if not -LONGEST_STEP < step < LONGEST_STEP:
            return
        column = self._column(name)
        column.steps.append(step)
        column.times.append(time)
        column.values.append(_as_float(value))

    def add_lines(self, data: bytes) -> None:
        """Add the points of lines of JSON; a line that is no point is passed over."""
        for piece in _pieces(data):
            found = columns(piece)
            if found is None:
                self._add_one_by_one(map(read_line, piece.split(b"\n")))
            else:
                self._add_together(found)

    def series(self) -> dict[str, Series]:
        """The series by the names of their metrics, in the order of their first points."""
        found = {}
        for name, column in self._columns.items():
            found[name] = _in_order_of_steps(name, column)
        return found

    def _column(self, name: str) -> _MetricPoints:
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = _MetricPoints(array("q"), array("d"), array("d"))
        return column

    def _add_one_by_one(self, points: Iterable[LoggedPoint | None]) -> None:
        for point in points:
            if point is not None:
                for name, value in point.values.items():
                    self.add(name, point.step, point.time, value)

    def _add_together(self, found: Mapping[str, LineColumn]) -> None:
        for name, more in found.items():
            column = self._column(name)
            column.steps.extend(more.steps)
            column.times.extend(more.times)
            column.values.extend(more.values)


def read(pieces: Iterable[bytes]) -> dict[str, Series]:
    """The series in a file of logged points, which comes in pieces, by the names of their metrics."""
    columns = SeriesColumns()
    rest = b""
    for piece in pieces:
        lines, end, after = piece.rpartition(b"\n")
        if end:
            columns.add_lines(rest + lines + end)
            rest = after
        else:
            rest += after
    columns.add_lines(rest)
    return columns.series()


def _pieces(data: bytes) -> Iterator[bytes]:
    """Yield the lines, many together."""
    at = 0
    while at < len(data):
        end = data.rfind(b"\n", at, at + TOGETHER) + 1
        if end == 0:
            end = data.find(b"\n", at) + 1 or len(data)
        yield data[at:end]
        at = end


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # no float holds an integer of more than 308 digits
        return math.inf if value > 0 else -math.inf


def _in_order_of_steps(name: str, column: _MetricPoints) -> Series:
    """The series of a column; of two points with the same step the later one counts."""
    steps = column.steps
    if all(map(lt, steps, islice(steps, 1, None))):
        return Series(name, steps, column.times, column.values)
    last: dict[int, int] = {}
    for at, step in enumerate(steps):
        last[step] = at
    order = [at for _, at in sorted(last.items())]
    return Series(
        name,
        array("q", map(steps.__getitem__, order)),
        array("d", map(column.times.__getitem__, order)),
        array("d", map(column.values.__getitem__, order)),
    )
