"""The columns of the experiment table: the choice of columns, and sorting by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gitexp.catalog.fields import Row, Use, used_for
from gitexp.catalog.rows import metric_keys, param_keys, unknown
from gitexp.files import is_number
from gitexp.model import MISSING
from gitexp.words import show_value

_ABOUT = used_for(Use.COLUMN)
_SORTED = used_for(Use.SORT)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table.

    Attributes:
        kind: "metric", "param", "about" for a field of the experiment, or "created" to sort by it.
        key: the flat key, or the name of the field.
    """

    kind: str
    key: str

    def value(self, row: Row) -> Any:
        """The row's value here, or MISSING; of "about" a text, which may be empty."""
        match self.kind:
            case "metric":
                return row.metrics.get(self.key, MISSING)
            case "param":
                return row.params.get(self.key, MISSING)
            case "about":
                return _ABOUT[self.key].text(row)
        return _SORTED[self.key].read(row)

    def text(self, row: Row, precision: int, longest: int | None) -> str:
        """The row's value for people, in at most `longest` characters; `precision` is that of metrics."""
        if self.kind == "metric":
            return show_value(self.value(row), precision, longest=longest)
        return show_value(self.value(row), longest=longest)


@dataclass(frozen=True, slots=True)
class Columns:
    """The wanted columns.

    Attributes:
        only: glob patterns of the columns to show; empty for all.
        hide: glob patterns of columns to leave out.
        only_changed: leave out columns with one value in all rows.
    """

    only: Sequence[str] = ()
    hide: Sequence[str] = ()
    only_changed: bool = False


def choose(
    heads: Sequence[Row], experiments: Sequence[Row], rest: Sequence[Row], wanted: Columns
) -> list[Column]:
    """The columns of a table: metrics, differing params, fields of experiments, then the other params.

    `heads` are the rows of baselines. Raises UnknownColumn if a pattern of `wanted.only` names no column.
    """
    found = [*rest, *heads, *experiments]
    metrics = _of_kind("metric", metric_keys(found))
    params = _of_kind("param", param_keys(found))
    about = []
    for column in _of_kind("about", _ABOUT):
        if any(map(column.value, experiments)):
            about.append(column)
    differing = {*about, *with_several_values(heads, experiments, [*metrics, *params])}
    several, same = [], []
    for column in params:
        if column in differing:
            several.append(column)
        else:
            same.append(column)
    picked = _picked([*metrics, *several, *about, *same], wanted)
    if wanted.only_changed:
        return [column for column in picked if column in differing]
    return picked


def _of_kind(kind: str, keys: Iterable[str]) -> list[Column]:
    return [Column(kind, key) for key in keys]


def _picked(every: Sequence[Column], wanted: Columns) -> list[Column]:
    """The columns that the patterns of `wanted` leave, each once."""
    found: dict[Column, None] = {}
    if not wanted.only:
        found.update(dict.fromkeys(every))
    for pattern in wanted.only:
        found.update(dict.fromkeys(_matching(pattern, every)))
    return [column for column in found if not _matches(column.key, wanted.hide)]


def named(key: str, found: Sequence[Row]) -> Column:
    """The column with a key, a metric before a param; raises UsageError."""
    if key in _SORTED:
        return Column(key, key)
    metrics, params = metric_keys(found), param_keys(found)
    if key in metrics:
        return Column("metric", key)
    if key in params:
        return Column("param", key)
    raise unknown(key, [*metrics, *params])


def keys_of(columns: Iterable[Column]) -> list[str]:
    """The key of each column."""
    return [column.key for column in columns]


def sort_rows(found: Iterable[Row], column: Column, *, descending: bool) -> list[Row]:
    """The rows by the value of a column: numbers, then texts, then rows without a value."""

    def place(row: Row) -> tuple[int, Any]:
        value = column.value(row)
        if value is MISSING or value is None:
            return 3, ""
        if not is_number(value):
            return 2, str(value)
        if value != value:  # NaN; math.isnan takes no integer of more than 308 digits
            return 1, 0.0
        if descending:
            value = -value
        return 0, value

    return sorted(found, key=place)


def _matching(pattern: str, every: Sequence[Column]) -> list[Column]:
    matching = [column for column in every if _matches(column.key, [pattern])]
    if not matching and pattern in _ABOUT:  # no experiment has a value yet: no mistake
        return [Column("about", pattern)]
    if not matching:
        raise unknown(pattern, keys_of(every))
    return matching


def _matches(key: str, patterns: Iterable[str]) -> bool:
    # A key may look like a pattern: the brackets of layers[0].units would be a set of characters.
    return any(key == pattern or fnmatchcase(key, pattern) for pattern in patterns)


def with_several_values(
    heads: Sequence[Row], experiments: Sequence[Row], columns: Sequence[Column]
) -> set[Column]:
    """The metrics and params with more than one value.

    Metrics are compared among experiments, params also with those of baselines. All metrics of a single
    experiment count: they are its answer.
    """
    readable = [row for row in experiments if row.error is None]
    compared = {"metric": readable, "param": [*(head for head in heads if head.params), *readable]}
    found = set()
    for column in columns:
        if column.kind not in compared:
            continue
        is_only = column.kind == "metric" and len(readable) == 1
        if not readable or is_only or _differs(column, compared[column.kind]):
            found.add(column)
    return found


def _differs(column: Column, found: Sequence[Row]) -> bool:
    first, *others = map(column.value, found)
    # NaN is not equal to itself, but is one value all the same.
    return any(value != first and (value == value or first == first) for value in others)
