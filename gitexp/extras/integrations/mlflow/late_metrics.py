"""The values for the table of an ended run, after late points in its series.

A metric keeps its kind of value: the last, lowest, highest or mean value of its series. The record does not
have the kind; a value of no kind was set without the series, and stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from gitexp.files.keys import flatten, nested
from gitexp.files.lines import series
from gitexp.files.lines.series_summary import MetricSummaries, MetricSummary
from gitexp.log_rules import SUMMARIES
from gitexp.model import Record, Tree
from gitexp.named_tuple import NamedTuple
from gitexp.project.config import Config
from gitexp.project.sections import directions
from gitexp.runs.logged_values.logged_files import SUMMARY


def brought_up(
    record: Record, names: Collection[str], before: Iterable[bytes], new: Iterable[bytes], config: Config
) -> Record:
    """The record with new values of some metrics. `before`, `new`: the lines of their series."""
    summaries = _summaries(before, names)
    kinds = {name: _kind(record, name, summaries.by_name.get(name), config) for name in names}
    _go_on(summaries, new, names)
    values: dict[str, float] = {}
    for name, kind in kinds.items():
        if kind and name in summaries.by_name:
            values[name] = summaries.by_name[name].number(kind)
    return _with_metrics(record, values)


def _summaries(lines: Iterable[bytes], names: Collection[str]) -> MetricSummaries:
    """The summaries of some metrics."""
    found = MetricSummaries()
    _go_on(found, lines, names)
    return found


def _go_on(summaries: MetricSummaries, lines: Iterable[bytes], names: Collection[str]) -> None:
    for line in lines:
        point = series.read_line(line)
        if point is not None:
            values = {name: value for name, value in point.values.items() if name in names}
            summaries.add(point._replace(values=values))


def _kind(record: Record, name: str, summary: MetricSummary | None, config: Config) -> str:
    """The kind of a metric's value in the table; "" for a value set beside the series."""
    said = directions.of_config(name, config.summary) or "last"
    if said == "best":
        said = directions.direction(name, config.directions) or "last"
    place = _first_place(record.metrics.values(), name)
    if place is None:
        return said
    if summary is not None:
        for kind in (said, *SUMMARIES):
            if kind != "best" and _is_same(summary.number(kind), place.tree[place.key]):
                return kind
    return ""


class _MetricPlace(NamedTuple):
    """The place of a metric: a map, and the key in the map."""

    tree: Any
    key: str


def _first_place(trees: Iterable[Tree], name: str) -> _MetricPlace | None:
    """The place of a metric in the first tree with the metric."""
    for tree in trees:
        if (place := _place(tree, name)) is not None:
            return place
    return None


def _place(tree: Tree, name: str) -> _MetricPlace | None:
    """The place of a metric in a tree, by its whole name or by a map for each dot; None without it."""
    if name in tree:
        return _MetricPlace(tree, name)
    *above, last = name.split(".")
    place: Any = tree
    for part in above:
        if not isinstance(place, dict):
            return None
        place = place.get(part)
    if not isinstance(place, dict) or last not in place:
        return None
    return _MetricPlace(place, last)


def _copied(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a tree with copies of its maps."""
    copy = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            value = _copied(value)
        copy[name] = value
    return copy


def _is_same(one: float, other: Any) -> bool:
    """Whether a value equals a number; NaN equals NaN."""
    return isinstance(other, int | float) and (one == other or (one != one and other != other))


def _with_metrics(record: Record, values: Mapping[str, float]) -> Record:
    """The record with new values for the table, under the file of the run's own metrics."""
    metrics: dict[str, dict[str, Any]] = {path: _copied(tree) for path, tree in record.metrics.items()}
    new: dict[str, float] = {}
    for name, value in values.items():
        place = _first_place(metrics.values(), name)
        if place is None:
            new[name] = value
        else:
            place.tree[place.key] = value
    if new:
        before = flatten(metrics.get(SUMMARY, {}))
        metrics[SUMMARY] = nested({**before, **new})
    return replace(record, metrics=metrics)
