"""The columns of the experiment table: the choice of columns, and sorting by one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gitexp.catalog.fields import Row, Use, used_for
from gitexp.catalog.rows import keys, unknown
from gitexp.files import is_number
from gitexp.model import MISSING

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
    metrics = [Column("metric", key) for key in keys(row.metrics for row in found)]
    params = [Column("param", key) for key in keys(row.params for row in found)]
    about = [Column("about", key) for key in _ABOUT]
    about = [column for column in about if any(map(column.value, experiments))]
    differing = {*about, *with_several_values(heads, experiments, [*metrics, *params])}
    same = [column for column in params if column not in differing]
    every = [*metrics, *(column for column in params if column in differing), *about, *same]
    if wanted.only_changed:
        return [column for column in _picked(every, wanted) if column in differing]
    return _picked(every, wanted)


def _picked(every: Sequence[Column], wanted: Columns) -> list[Column]:
    """The columns that the patterns of `wanted` leave, each once."""
    found: dict[Column, None] = {}
    if not wanted.only:
        found.update(dict.fromkeys(every))
    for pattern in wanted.only:
        found.update(dict.fromkeys(_matching(pattern, every)))
    return [column for column in found if not any(_matches(column.key, p) for p in wanted.hide)]


def named(key: str, found: Sequence[Row]) -> Column:
    """The column with a key, a metric before a param; raises UsageError."""
    if key in _SORTED:
        return Column(key, key)
    metrics, params = keys(row.metrics for row in found), keys(row.params for row in found)
    if key in metrics:
        return Column("metric", key)
    if key in params:
        return Column("param", key)
    raise unknown(key, [*metrics, *params])


def sort_rows(found: Iterable[Row], column: Column, *, descending: bool) -> list[Row]:
    """The rows by the value of a column: numbers, then texts, then rows without a value."""

    def place(row: Row) -> tuple[int, Any]:
        value = column.value(row)
        if value is MISSING or value is None:
            return 3, ""
        if not is_number(value):
            return 2, str(value)
        if math.isnan(value):
            return 1, 0.0
        return 0, -value if descending else value

    return sorted(found, key=place)


def _matching(pattern: str, every: Sequence[Column]) -> list[Column]:
    matching = [column for column in every if _matches(column.key, pattern)]
    if not matching and pattern in _ABOUT:  # no experiment has a value yet: no mistake
        return [Column("about", pattern)]
    if not matching:
        raise unknown(pattern, [column.key for column in every])
    return matching


def _matches(key: str, pattern: str) -> bool:
    # A key may look like a pattern: the brackets of layers[0].units would be a set of characters.
    return key == pattern or fnmatchcase(key, pattern)


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
    first, *others = (column.value(row) for row in found)
    return any(value != first and (value == value or first == first) for value in others)
