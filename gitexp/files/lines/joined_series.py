"""The series of a run that goes on from another one: a single curve, with one value a step.

The folder of the live run has the other run's points, in files of their own: `before-series.jsonl` and so on.
Where both have logged a step, the run's own value counts. Times decide nothing: the other run may have been
on a machine with another clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gitexp.files.lines import series
from gitexp.files.lines.line_columns import columns
from gitexp.files.lines.series import read_line
from gitexp.log_rules import STEP, TIME
from gitexp.nofollow import Folder
from gitexp.regex import regex

_BEFORE = "before-"
_STARTS = regex(rb'\{"_step":(-?[0-9]{1,18}),')  # as nearly all lines do
_TOGETHER = 2000  # lines


def before_file(file: str) -> str:
    """The file with the other run's points of a file of series, in the folder of the live run."""
    return f"{_BEFORE}{file}"


def followed_by(name: str) -> str | None:
    """The file of series whose beginning a file has; None for any other file."""
    if not name.startswith(_BEFORE):
        return None
    target = name.removeprefix(_BEFORE)
    return target if series.stored_in(target) == target else None


class PointsBefore:
    """The points of the other run that still count, in one file of series.

    Each metric ends before its first own step; one that the run itself has not logged, before the highest of
    these.

    Attributes:
        last_step: the last step of the lines yielded so far; None for none.
    """

    def __init__(self, folder: Folder, file: str, own: Sequence[str]) -> None:
        self.last_step: int | None = None
        self._folder = folder
        self._file = file
        self._first = _first_steps(folder, own)
        self._lowest = min(self._first.values(), default=None)

    def pieces(self) -> Iterator[bytes]:
        """Yield the lines, some thousands together."""
        waiting = []
        for line in self._folder.lines(self._file):
            kept = self._still_counting(line)
            if kept:
                waiting.append(kept if kept.endswith(b"\n") else kept + b"\n")
            if len(waiting) >= _TOGETHER:
                yield b"".join(waiting)
                waiting = []
        if waiting:
            yield b"".join(waiting)

    def _still_counting(self, line: bytes) -> bytes:
        """What still counts of a line; b"" for nothing, and for what is no point."""
        found = _STARTS.match(line)
        if found is not None and (self._lowest is None or int(found[1]) < self._lowest):
            self._see(int(found[1]))
            return line
        point = read_line(line)
        if point is None:
            return b""
        highest = max(self._first.values(), default=point.step + 1)
        kept = [name for name in point.values if point.step < self._first.get(name, highest)]
        if not kept:
            return b""
        self._see(point.step)
        return line if len(kept) == len(point.values) else _without_others(line, kept)

    def _see(self, step: int) -> None:
        if self.last_step is None or step > self.last_step:
            self.last_step = step


def _first_steps(folder: Folder, own: Sequence[str]) -> dict[str, int]:
    """The lowest step of each metric in the run's own files."""
    first: dict[str, int] = {}
    for name in own:
        for lines in folder.pieces(name):
            for metric, steps in _steps_in(lines):
                lowest = min(steps)
                first[metric] = min(lowest, first.get(metric, lowest))
    return first


def _steps_in(lines: bytes) -> Iterator[tuple[str, Iterable[int]]]:
    """Yield the steps of each metric in some lines."""
    found = columns(lines)
    if found is not None:
        for metric, column in found.items():
            yield metric, column.steps
        return
    for line in lines.split(b"\n"):
        point = read_line(line)
        if point is not None:
            for metric in point.values:
                yield metric, (point.step,)


def _without_others(line: bytes, kept: Iterable[str]) -> bytes:
    """The line with these metrics alone."""
    found: Mapping[str, object] = json.loads(line)
    values = {key: found[key] for key in (STEP, TIME, *kept)}
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"
