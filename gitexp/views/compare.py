"""Many points side by side: the params, metrics, code and results that differ among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from gitexp import errors
from gitexp.catalog import by_words, lookup, rows
from gitexp.catalog.lookup import Point
from gitexp.catalog.value_pairs import differs
from gitexp.model import MISSING, Change, Files
from gitexp.project.project import Project
from gitexp.views.diff import Diff, FileChange, diff


class ComparedKey(NamedTuple):
    """One key or file, with a value for each point; MISSING for a point without it.

    The values of a file are its changes since the first point; MISSING for no change.
    """

    key: str
    values: Sequence[Any]


class ComparedPoints(NamedTuple):
    """The differences among some points. A part without differences is empty."""

    points: Sequence[Point]
    params: Sequence[ComparedKey]
    metrics: Sequence[ComparedKey]
    code: Sequence[ComparedKey]
    results: Sequence[ComparedKey]


def compare(project: Project, words: Iterable[str]) -> ComparedPoints:
    """The points for some words side by side, each once, in the order of the words.

    Raises UsageError for fewer than two, and the errors of `lookup.find`.
    """
    found: dict[tuple[str, str | None], Point] = {}
    for word in by_words.expanded(project, words):
        point = lookup.find(project, word)
        found.setdefault((point.label, point.commit), point)
    points = list(found.values())
    if len(points) < 2:
        raise errors.UsageError(
            "A comparison needs at least two experiments, commits or the workspace.",
            "One and its baseline: gitexp diff EXP",
        )
    first, *others = points
    diffs = [diff(project, first, other) for other in others]
    return ComparedPoints(
        points,
        _differing([point.params for point in points]),
        _differing([point.metrics for point in points]),
        _files(diffs, lambda found: found.code),
        _files(diffs, lambda found: found.results),
    )


def _differing(all_files: Sequence[Files]) -> list[ComparedKey]:
    """The keys with different values at two points."""
    flat = rows.flat(all_files)
    keys: dict[str, None] = {}
    for values in flat:
        keys |= dict.fromkeys(values)
    found = []
    for key in keys:
        first, *others = [values.get(key, MISSING) for values in flat]
        if any(differs(Change(key, first, other)) for other in others):
            found.append(ComparedKey(key, [first, *others]))
    return found


def _files(diffs: Sequence[Diff], part: Callable[[Diff], Sequence[FileChange]]) -> list[ComparedKey]:
    """The files changed since the first point."""
    changes: list[dict[str, FileChange]] = []
    for found in diffs:
        changes.append({file.path: file for file in part(found)})
    paths = sorted(set[str]().union(*changes))
    compared = []
    for path in paths:
        of_points = [change.get(path, MISSING) for change in changes]
        compared.append(ComparedKey(path, [MISSING, *of_points]))
    return compared
