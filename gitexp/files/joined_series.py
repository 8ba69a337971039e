"""The series of a run that goes on from another one: a single curve, with one value a step.

The folder of the live run has the other run's points, in files of their own: `before-series.jsonl` and so on.
Where both have logged a step, the run's own value counts. Times decide nothing: the other run may have been
on a machine with another clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gitexp.files import series
from gitexp.files.series import LoggedPoint, ReadLine, read_line
from gitexp.log_rules import STEP, TIME
from gitexp.nofollow import Folder

_BEFORE = "before-"


def before_file(file: str) -> str:
    """The file with the other run's points of a file of series, in the folder of the live run."""
    return f"{_BEFORE}{file}"


def followed_by(name: str) -> str | None:
    """The file of series whose beginning a file has; None for any other file."""
    if not name.startswith(_BEFORE):
        return None
    target = name.removeprefix(_BEFORE)
    return target if series.stored_in(target) == target else None


def in_order(folder: Folder, own: Sequence[str], before: str = "") -> Iterator[ReadLine]:
    """Yield the lines of the run's own files, the earliest first, behind those of the file `before` that
    still count."""
    if before:
        yield from _still_counting(folder.lines(before), _first_steps(folder, own))
    if own:
        yield from series.in_order_of_time(list(map(folder.lines, own)))


def last_step_before(folder: Folder, own: Sequence[str], before: str) -> int | None:
    """The last step of the other run that still counts; None without any."""
    steps = []
    for read in _still_counting(folder.lines(before), _first_steps(folder, own)):
        if read.point is not None:
            steps.append(read.point.step)
    return max(steps, default=None)


def _first_steps(folder: Folder, own: Sequence[str]) -> dict[str, int]:
    """The lowest step of each metric in the run's own files."""
    first: dict[str, int] = {}
    for name in own:
        for line in folder.lines(name):
            point = read_line(line)
            if point is None:
                continue
            for metric in point.values:
                first[metric] = min(point.step, first.get(metric, point.step))
    return first


def _still_counting(lines: Iterable[bytes], first: Mapping[str, int]) -> Iterator[ReadLine]:
    """Yield the lines of the other run, without what is beyond the place where the run goes on.

    Each metric ends before its first own step; one that the run has not logged, before the highest of these.
    """
    lowest = min(first.values(), default=None)
    highest = max(first.values(), default=0)
    for line in lines:
        point = read_line(line)
        if point is None:
            continue
        if lowest is None or point.step < lowest:
            yield ReadLine(line, point)
            continue
        kept = {}
        for metric, value in point.values.items():
            if point.step < first.get(metric, highest):
                kept[metric] = value
        if len(kept) == len(point.values):
            yield ReadLine(line, point)
        elif kept:
            yield ReadLine(_without_others(line, kept), LoggedPoint(point.step, point.time, kept))


def _without_others(line: bytes, kept: Mapping[str, float]) -> bytes:
    """The line with these metrics alone."""
    found = json.loads(line)
    values = {key: value for key, value in found.items() if key in kept or key in (STEP, TIME)}
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"
