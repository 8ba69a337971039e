"""What a run logs while it logs: only the new bytes of a file of series are read.

A file that has grown by more than a few megabytes since the last look is not read whole: its end is, and
parts of the rest. Then the curves are samples, and say so.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator

from gitexp.files.lines.series import LoggedPoint, read_line
from gitexp.named_tuple import NamedTuple

LAST_PART = 256 * 1024  # bytes at the end of a file that are always read

_MOST_AT_ONCE = 4 * 1024 * 1024  # bytes
_SAMPLES = 200  # parts of a large file
_SAMPLE = 4 * 1024  # bytes of each
_MOST_POINTS = 600  # of a curve
_MOST_CURVES = 200
_PACE_OVER = 60.0  # seconds


class LastLogged(NamedTuple):
    """The last value of a metric, with its step and its time in seconds since the epoch."""

    step: int
    time: float
    value: float


class CurveSketch:
    """The course of a metric in at most 600 points, evenly chosen.

    Attributes:
        points: step and value, in the order of logging.
    """

    def __init__(self) -> None:
        self.points: list[tuple[int, float]] = []
        self._every = 1  # of so many points one is kept
        self._count = 0
        self._newest: tuple[int, float] | None = None

    def add(self, step: int, value: float) -> None:
        """Take the next point in."""
        self._newest = (step, value)
        if self._count % self._every == 0:
            self.points.append((step, value))
            if len(self.points) > _MOST_POINTS:
                self.points = self.points[::2]
                self._every *= 2
        self._count += 1

    def all(self) -> list[tuple[int, float]]:
        """The points with the newest one."""
        if self._newest is None or self.points[-1] == self._newest:
            return self.points
        return [*self.points, self._newest]


class LineTail:
    """The lines added to a file.

    Attributes:
        is_sampled: whether lines were passed over: of more than `most` new bytes the end is read, and parts.
    """

    def __init__(self, most: int = _MOST_AT_ONCE) -> None:
        self.is_sampled = False
        self._most = most
        self._position = 0

    def read(self, fd: int) -> list[bytes]:
        """The whole lines added to an open file since the last look. Raises OSError."""
        size = os.fstat(fd).st_size
        if size < self._position:  # it was replaced
            self._position = 0
        found: list[bytes] = []
        if size - self._position > self._most:
            self.is_sampled = True
            found += _sampled(fd, self._position, size - LAST_PART)
            self._position = _line_start(fd, size - LAST_PART)
        data = read_at(fd, size - self._position, self._position)
        end = data.rfind(b"\n") + 1
        self._position += end
        return found + data[:end].splitlines()


class SeriesTail:
    """The end of one file of series, followed.

    Attributes:
        last: the last value of each metric.
        curves: the course of the first 200 metrics.
    """

    def __init__(self) -> None:
        self.last: dict[str, LastLogged] = {}
        self.curves: dict[str, CurveSketch] = {}
        self._tail = LineTail()
        self._paces: list[tuple[float, int]] = []  # times and steps of the last minute

    def read(self, fd: int) -> list[LoggedPoint]:
        """The points added to an open file since the last look. Raises OSError."""
        found = points_of(self._tail.read(fd))
        for point in found:
            self._take_in(point)
        return found

    def _take_in(self, point: LoggedPoint) -> None:
        for name, value in point.values.items():
            known = self.last.get(name)
            if known is None or point.step >= known.step:
                self.last[name] = LastLogged(point.step, point.time, value)
            curve = self.curves.get(name)
            if curve is None:
                if len(self.curves) >= _MOST_CURVES:
                    continue
                curve = self.curves[name] = CurveSketch()
            curve.add(point.step, value)
        if point.values and (not self._paces or point.time - self._paces[-1][0] >= 1):
            self._paces.append((point.time, max(last.step for last in self.last.values())))
            if point.time - self._paces[0][0] > _PACE_OVER:
                del self._paces[0]

    @property
    def is_sampled(self) -> bool:
        """Whether parts of the file were passed over."""
        return self._tail.is_sampled

    @property
    def pace(self) -> float | None:
        """Steps a second during the last minute; None if nobody can say."""
        if len(self._paces) < 2:
            return None
        (time, step), (now, last) = self._paces[0], self._paces[-1]
        return (last - step) / (now - time) if last > step and now > time else None


def last_values(fd: int) -> dict[str, LastLogged]:
    """The last value of each metric that an open file of series has near its end. Raises OSError."""
    size = os.fstat(fd).st_size
    start = _line_start(fd, size - LAST_PART)
    found: dict[str, LastLogged] = {}
    for point in points_of(read_at(fd, size - start, start).splitlines()):
        for name, value in point.values.items():
            if name not in found or point.step >= found[name].step:
                found[name] = LastLogged(point.step, point.time, value)
    return found


def read_at(fd: int, size: int, position: int) -> bytes:
    """At most so many bytes of an open file from a position on. Raises OSError."""
    os.lseek(fd, max(position, 0), os.SEEK_SET)
    with open(fd, "rb", closefd=False) as file:
        return file.read(size)


def points_of(lines: Iterable[bytes]) -> list[LoggedPoint]:
    """The points of those lines that are points."""
    found = []
    for line in lines:
        if (point := read_line(line)) is not None:
            found.append(point)
    return found


def _line_start(fd: int, position: int) -> int:
    """The start of the first whole line from a position on."""
    if position <= 0:
        return 0
    cut = read_at(fd, LAST_PART, position - 1)
    end = cut.find(b"\n")
    return position + end if end >= 0 else position


def _sampled(fd: int, start: int, end: int) -> Iterator[bytes]:
    """Yield whole lines from parts of a file, evenly apart."""
    for at in range(_SAMPLES):
        position = start + (end - start) * at // _SAMPLES
        part = read_at(fd, _SAMPLE, position)
        lines = part.split(b"\n")[:-1]
        yield from lines if position == 0 else lines[1:]


def finite(points: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    """The points that can be drawn: NaN and infinity have no place on a curve."""
    return [(step, value) for step, value in points if math.isfinite(value)]
