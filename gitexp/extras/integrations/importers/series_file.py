"""The curve of an imported run as a file of gitexp's, and the last value of each metric."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from gitexp.extras.tracking.lines import LineFile
from gitexp.extras.tracking.series_writer import SeriesWriter
from gitexp.files.lines.series import LoggedPoint

_BUFFER = 1024 * 1024  # bytes


class _Buffered(LineFile):
    """Lines of a file of this process alone."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(Path(), "series", lambda reason: None)
        self._file = file

    def write(self, line: bytes) -> None:
        """Add a line."""
        self._file.write(line)


def write(points: Iterable[LoggedPoint], path: Path) -> dict[str, float]:
    """The last value of each metric of some points, written to a file; no file for no points."""
    path.unlink(missing_ok=True)
    points = iter(points)
    first = next(points, None)
    if first is None:
        return {}
    last: dict[str, float] = {}
    with path.open("wb", buffering=_BUFFER) as file:
        lines = _Buffered(file)
        writer = SeriesWriter(lines)
        for point in itertools.chain([first], points):
            writer.log(point.values, point.step, point.time)
            last.update(point.values)
        writer.close()
    return last
