"""The columns of the experiment table: which there are, which of them are wanted, and sorting by one."""

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
    """Which columns to show: glob patterns to take or to hide, or only those whose values differ."""

    only: Sequence[str] = ()
    hide: Sequence[str] = ()
    only_changed: bool = False


def choose(
    heads: Sequence[Row], experiments: Sequence[Row], rest: Sequence[Row], wanted: Columns
) -> list[Column]:
    """Return the columns of baselines, experiments and other rows: metrics, params that differ, what is
    said about experiments, then the params that are the same in all.

    Raises UnknownColumn if a pattern of `wanted.only` names no column.
    """
    found = [*rest, *heads, *experiments]
    metrics = [Column("metric", key) for key in keys(row.metrics for row in found)]
    params = [Column("param", key) for key in keys(row.params for row in found)]
    about = [Column("about", key) for key in _ABOUT]
    about = [column for column in about if any(map(column.value, experiments))]
    differing = {*about, *with_several_values(heads, experiments, [*metrics, *params])}
    every = [*metrics, *(c for c in params if c in differing), *about]
    every += [column for column in params if column not in differing]
    if wanted.only:
        every = [column for pattern in wanted.only for column in _matching(pattern, every)]
    every = [c for c in dict.fromkeys(every) if not any(_matches(c.key, p) for p in wanted.hide)]
    if wanted.only_changed:
        every = [column for column in every if column in differing]
    return every


def named(key: str, found: Sequence[Row]) -> Column:
    """Return the column that `key` names: a metric before a param; raises UsageError."""
    if key in _SORTED:
        return Column(key, key)
    metrics, params = keys(row.metrics for row in found), keys(row.params for row in found)
    if key in metrics:
        return Column("metric", key)
    if key in params:
        return Column("param", key)
    raise unknown(key, [*metrics, *params])


def sort_rows(found: Iterable[Row], column: Column, *, descending: bool) -> list[Row]:
    """Return rows by the value of a column; numbers before texts, and what has no value comes last."""

    def place(row: Row) -> tuple[int, Any]:
        value = column.value(row)
        if is_number(value):
            return (1, 0.0) if math.isnan(value) else (0, -value if descending else value)
        return (3, "") if value is MISSING or value is None else (2, str(value))

    return sorted(found, key=place)


def _matching(pattern: str, every: Sequence[Column]) -> list[Column]:
    matching = [column for column in every if _matches(column.key, pattern)]
    if not matching and pattern in _ABOUT:  # nothing is said yet: that is no mistake
        return [Column("about", pattern)]
    if not matching:
        raise unknown(pattern, [column.key for column in every])
    return matching


def _matches(key: str, pattern: str) -> bool:
    # As it stands first: to a pattern, the brackets of layers[0].units are a set of characters.
    return key == pattern or fnmatchcase(key, pattern)


def with_several_values(
    heads: Sequence[Row], experiments: Sequence[Row], columns: Sequence[Column]
) -> set[Column]:
    """Return those metrics and params that have more than one value: metrics among experiments, params also
    against their baselines. A single experiment's metrics count, for they are its answer."""
    metrics, params = ([column for column in columns if column.kind == kind] for kind in ("metric", "param"))
    experiments = [row for row in experiments if row.error is None]
    heads = [head for head in heads if head.params]
    if not experiments:
        return {*metrics, *params}
    if len(experiments) > 1:
        metrics = [column for column in metrics if _differs(column, experiments)]
    return {*metrics, *(column for column in params if _differs(column, [*heads, *experiments]))}


def _differs(column: Column, found: Sequence[Row]) -> bool:
    first, *others = (column.value(row) for row in found)
    return any(value != first and (value == value or first == first) for value in others)
