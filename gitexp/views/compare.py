"""Many points side by side: the params, metrics, code and results that differ among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from gitexp import errors
from gitexp.catalog import by_words, lookup, rows
from gitexp.catalog.fields import Row
from gitexp.catalog.lookup import Point
from gitexp.catalog.replicates import Replicates, collapsed
from gitexp.catalog.value_pairs import differs
from gitexp.model import MISSING, Change, Experiment, Flat, Status, is_unranked
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.views import columns, uncertainty
from gitexp.views.best import best_of
from gitexp.views.columns import Columns
from gitexp.views.diff import Diff, FileChange, diff
from gitexp.views.uncertainty import Distance

ALL = Columns()


class ComparedKey(NamedTuple):
    """One key or file, with a value for each point; MISSING for a point without it.

    The values of a file are its changes since the first point; MISSING for no change.
    """

    key: str
    values: Sequence[Any]


class ComparedPoints(NamedTuple):
    """The differences among some points. A part without differences is empty.

    Attributes:
        members: the names of the replicates behind a point, by the point's name.
        directions: "min" or "max" by the name of a metric, from gitexp.yaml.
        distances: how far each further point is from the first, by the key of a metric; {} without
            replicates in the project.
    """

    points: Sequence[Point]
    params: Sequence[ComparedKey]
    metrics: Sequence[ComparedKey]
    code: Sequence[ComparedKey]
    results: Sequence[ComparedKey]
    other_projects: Sequence[ComparedKey]
    members: Mapping[str, Sequence[str]] = {}
    directions: Mapping[str, str] = {}
    distances: Mapping[str, Sequence[Distance]] = {}

    def are_inside(self, item: ComparedKey) -> list[bool]:
        """For each point, whether its value of a metric differs from the first point's by noise alone."""
        found = self.distances.get(item.key, ())
        if not found:
            return [False] * len(self.points)
        return [False, *(bool(distance.is_inside) for distance in found)]

    def without_echoes(self) -> ComparedPoints:
        """The same, for people: a metric that a file has, and that was logged as well, is there once."""
        echoes = rows.echoes_side_by_side({item.key: item.values for item in self.metrics})
        return self._replace(metrics=[item for item in self.metrics if item.key not in echoes])

    def best(self, item: ComparedKey) -> Any:
        """The best value of a metric among the points; MISSING without a direction, or if none is better."""
        ended = []
        for point, value in zip(self.points, item.values, strict=True):
            one = point.experiment
            if one is None or (one.record.status is not Status.RUNNING and not is_unranked(one)):
                ended.append(value)
        return best_of(item.key, ended, self.directions)


def compare(
    project: Project,
    words: Iterable[str],
    wanted: Columns = ALL,
    sort: str | None = None,
    *,
    descending: bool = False,
    drawn: Replicates = Replicates.EACH,
) -> ComparedPoints:
    """The points for some words side by side, each once, in the order of the words or of `sort`.

    A group of replicates, by `drawn`, is a single point, with means for metrics and with the code
    and results of its first member.

    Keys and files in `wanted` are there even without a difference. Raises UsageError for fewer than
    two points, UnknownColumn, and the errors of `lookup.find`.
    """
    points = lookup.together(project, points_of(project, words))
    found = {(point.label, point.commit): point for point in points}
    _require_two(points)
    found_rows = collapsed(_rows(project, points), drawn)
    if sort is not None:
        column = columns.named(sort, found_rows)
        found_rows = columns.sort_rows(found_rows, column, descending=descending)
    points = [found[row.name, row.commit] for row in found_rows]
    _require_two(points)
    wanted = replace(wanted, only=_meant(wanted.only, found_rows))
    parts = [
        _differing([row.params for row in found_rows], wanted.only),
        _differing([row.metrics for row in found_rows], wanted.only),
        *changed_files(project, points),
    ]
    _refuse_unknown(wanted, parts, found_rows)
    params, metrics, code, results, elsewhere = [_picked(part, wanted) for part in parts]
    members, directions = _members_of(found_rows), project.config.directions
    distances = distances_of(project, found_rows, metrics)
    return ComparedPoints(points, params, metrics, code, results, elsewhere, members, directions, distances)


def distances_of(
    project: Project, found: Sequence[Row], metrics: Sequence[ComparedKey]
) -> Mapping[str, Sequence[Distance]]:
    """How far each further row is from the first, by some metrics; {} without replicates in the project."""
    noise = uncertainty.noise_here(project) if metrics else None
    if noise is None:
        return {}
    return noise.distances(list(map(uncertainty.runs_of, found)), [item.key for item in metrics])


def points_of(project: Project, words: Iterable[str]) -> list[Point]:
    """The points for some words, each once, in the order of the words. Raises the errors of `lookup.find`."""
    found: dict[tuple[str, str | None], Point] = {}
    for word in by_words.expanded(project, words):
        point = lookup.find(project, word)
        found.setdefault((point.label, point.commit), point)
    return list(found.values())


def values(project: Project, points: Sequence[Point]) -> ComparedPoints:
    """The params and the metrics that differ among some points; without files."""
    found = _rows(project, points)
    params = _differing([row.params for row in found], ())
    metrics = _differing([row.metrics for row in found], ())
    distances = distances_of(project, found, metrics)
    directions = project.config.directions
    return ComparedPoints(points, params, metrics, (), (), (), {}, directions, distances)


def flat_of(project: Project, point: Point) -> tuple[Flat, Flat]:
    """The params and the metrics of a point by flat key, as a comparison has them."""
    (row,) = _rows(project, [point])
    return row.params, row.metrics


def changed_files(project: Project, points: Sequence[Point]) -> list[list[ComparedKey]]:
    """The code, the results and the files of other projects that have changed since the first point."""
    first, *others = points
    diffs = [diff(project, first, other) for other in others]
    return [
        _files(diffs, lambda found: found.code),
        _files(diffs, lambda found: found.results),
        _files(diffs, lambda found: found.other_projects),
    ]


def _meant(patterns: Iterable[str], found: Sequence[Row]) -> list[str]:
    """The patterns, with the metrics of files that some of them mean."""
    metrics, params = rows.metric_keys(found), rows.param_keys(found)
    return [each if each in params else rows.meant(each, metrics) for each in patterns]


def _refuse_unknown(wanted: Columns, parts: Iterable[Sequence[ComparedKey]], found: Iterable[Row]) -> None:
    """Raise UnknownColumn for a pattern that fits no key and no file."""
    known = set[str]()
    for part in parts:
        known.update(item.key for item in part)
    for row in found:
        known.update(row.params, row.metrics)
    for pattern in (*wanted.only, *wanted.hide):
        if not any(fnmatchcase(key, pattern) for key in known):
            raise rows.unknown(pattern, sorted(known), "column")


def _members_of(found: Iterable[Row]) -> dict[str, list[str]]:
    """The names of the replicates of each group, by the name of its row."""
    members = {}
    for row in found:
        if row.members:
            members[row.name] = [member.name for member in row.members]
    return members


def _require_two(points: Sequence[Point]) -> None:
    """Raise UsageError for fewer than two points."""
    if len(points) < 2:
        raise errors.UsageError(
            "A comparison needs at least two experiments, commits or the workspace.",
            "One and its baseline: gitexp diff EXP; replicates, which count as one, each by itself: --each",
        )


def _rows(project: Project, points: Sequence[Point]) -> list[Row]:
    """The params, the metrics and the record of each point."""
    beside = (project.config.named, [point.project for point in points])
    params = rows.flat([point.params for point in points], *beside)
    metrics = rows.flat([point.metrics for point in points], *beside)
    found = []
    for at, point in enumerate(points):
        row = Row("experiment", point.label, point.commit, params=params[at], metrics=metrics[at])
        if isinstance(point.side, Experiment):
            record = point.side.record
            row = row._replace(experiment=point.side, status=record.status, created=record.created)
        found.append(row)
    return found


def _picked(items: Sequence[ComparedKey], wanted: Columns) -> list[ComparedKey]:
    """The keys and files asked for."""
    picked = []
    for item in items:
        is_asked = not wanted.only or _fits(item.key, wanted.only)
        if is_asked and not _fits(item.key, wanted.hide):
            picked.append(item)
    return picked


def _fits(key: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)


def _differing(flat: Sequence[Flat], asked: Sequence[str]) -> list[ComparedKey]:
    """The keys with different values at two points, and those that fit a pattern of `asked`."""
    keys: dict[str, None] = {}
    for values in flat:
        keys |= dict.fromkeys(values)
    found = []
    for key in keys:
        first, *others = [values.get(key, MISSING) for values in flat]
        if _fits(key, asked) or _is_changed(key, first, others):
            found.append(ComparedKey(key, [first, *others]))
    return found


def _is_changed(key: str, first: object, others: Iterable[object]) -> bool:
    return any(differs(Change(key, first, other)) for other in others)


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
