"""Experiments with all their columns, typed, for files of other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from gitexp.catalog import changed_files
from gitexp.catalog.fields import Row
from gitexp.catalog.query import UNGROUPED, Query
from gitexp.model import Mean
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.times import stamp_of
from gitexp.views import columns as columns_of
from gitexp.views.columns import FIELDS, Column, Columns, Shown
from gitexp.views.markup import csv_table, own_titles
from gitexp.views.table import table
from gitexp.views.typed_columns import ANY, MOMENT, NUMBER, TEXT, TEXTS, WHOLE, TypedColumn, typed
from gitexp.words import shorten, show_value

_FIRST = ("name", "status", "created", "duration")  # the fields before the metrics
_EXACT = 2**53  # from here on a float does not tell each integer from the next


class ExportedTable(NamedTuple):
    """The experiments of a query, a row for each experiment.

    Attributes:
        columns: the columns, with unique titles; a value for each row.
        rows: the number of rows.
        complaints: a sentence for each unreadable experiment. The row of such an experiment has only a name.
    """

    columns: Sequence[TypedColumn]
    rows: int
    complaints: Sequence[str] = ()


class ExportedFile(NamedTuple):
    """The content of a file for another program.

    Attributes:
        remarks: a sentence for each kind of value changed to fit the format.
    """

    data: bytes
    remarks: Sequence[str] = ()


def exported(project: Project, query: Query, wanted: Columns) -> ExportedTable:
    """The experiments of a query with the wanted columns, in the order of the query.

    Without names of columns: all metrics, all params, and all fields with a value. The first column is always
    the name of the experiment. Raises UnknownColumn and FilterError.
    """
    found = table(project, query._replace(group=UNGROUPED), wanted)
    rows, elsewhere = found.experiments, found.everywhere
    if not wanted.only and not found.has_changes:
        rows = changed_files.with_changes(project, rows)
    chosen = _columns(rows, wanted, Shown([], rows, (), elsewhere))
    made = list[TypedColumn]()
    for column, title in zip(chosen, columns_of.titles(chosen), strict=True):
        made.append(typed(title, column, rows))
        made += _spread(title, column, rows)
    members, complaints = list[list[str]](), list[str]()
    for row in rows:
        members.append([member.name for member in row.members])
        if row.error is not None:
            complaints.append(f"{row.name} cannot be read: {row.error}")
    if any(members):
        made.append(TypedColumn("members", TEXTS, members))
    return ExportedTable(_with_own_titles(made), len(rows), complaints)


def _columns(rows: Sequence[Row], wanted: Columns, shown: Shown) -> list[Column]:
    picked = columns_of.every(shown, wanted)
    first, last = [Column("about", "name")], list[Column]()
    if not wanted.only:
        first = [Column("about", name) for name in _FIRST]
        last = [Column("about", name) for name in FIELDS]
    chosen = dict.fromkeys([*first, *picked, *last])
    kept = []
    for column in chosen:
        is_asked = column in first or column in picked or any(map(column.value, rows))
        if column == first[0] or (is_asked and not columns_of.hides(wanted.hide, column)):
            kept.append(column)
    return kept


def _spread(title: str, column: Column, rows: Sequence[Row]) -> list[TypedColumn]:
    """The standard deviations and numbers of values of a metric with means; [] for other columns."""
    if column.kind != "metric":
        return []
    deviations, counts = list[float | None](), list[int | None]()
    has_means = False
    for value in map(column.value, rows):
        deviation = count = None
        if isinstance(value, Mean):
            has_means = True
            deviation, count = value.deviation, value.count
        deviations.append(deviation)
        counts.append(count)
    if not has_means:
        return []
    return [TypedColumn(f"{title} sd", NUMBER, deviations), TypedColumn(f"{title} n", WHOLE, counts)]


def _with_own_titles(columns: Sequence[TypedColumn]) -> list[TypedColumn]:
    """The columns with unique titles."""
    own = own_titles(column.title for column in columns)
    return [column._replace(title=title) for column, title in zip(columns, own, strict=True)]


# -- formats ------------------------------------------------------------------------------------------


def as_csv(exported: ExportedTable) -> ExportedFile:
    """CSV with values in full; see `csv_table`. Missing values and nulls are empty."""
    columns = list(map(in_one_cell, exported.columns))
    rows: list[list[Any]] = [[column.title for column in columns]]
    for at in range(exported.rows):
        rows.append([column.values[at] for column in columns])
    return ExportedFile(csv_table(rows).encode("utf-8", "backslashreplace"))


def documents(exported: ExportedTable) -> Iterator[dict[str, Any]]:
    """Yield the object of each experiment for JSON; a missing value has no key."""
    columns = list(map(_with_times, exported.columns))
    for at in range(exported.rows):
        document = {}
        for column in columns:
            if column.values[at] is not None:
                document[column.title] = column.values[at]
        yield document


def in_one_cell(column: TypedColumn) -> TypedColumn:
    """The column for one text or number a cell: lists become texts, times the texts of records."""
    column = _with_times(column)
    if column.kind not in (TEXTS, ANY):
        return column
    return column._replace(values=[_flat(value, column.kind) for value in column.values])


def _with_times(column: TypedColumn) -> TypedColumn:
    if column.kind != MOMENT:
        return column
    texts: list[str | None] = []
    for value in column.values:
        if value is None:
            texts.append(None)
        else:
            texts.append(stamp_of(value))
    return TypedColumn(column.title, TEXT, texts)


def _flat(value: Any, kind: str) -> Any:
    if kind == TEXTS and isinstance(value, list):
        return ", ".join(value) or None
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value


def in_one_type(columns: Sequence[TypedColumn], file: str) -> tuple[list[TypedColumn], list[str]]:
    """The columns for a format with one type a column, and a sentence about columns changed to texts.

    A column becomes texts if a value does not fit: integers beyond 64 bits, or inexact beside a float.
    """
    made, mixed, huge = list[TypedColumn](), list[str](), list[str]()
    for column in columns:
        if column.kind == NUMBER and any(map(_is_changed, column.values)):
            huge.append(column.title)
            column = _as_texts(column)
        elif column.kind in (TEXTS, ANY):
            if set(map(type, column.values)) - {type(None), list, dict, str}:
                mixed.append(column.title)
            column = _as_texts(column)
        elif column.kind == TEXT:
            column = _as_texts(column)
        made.append(column)
    remarks = []
    if mixed:
        remarks.append(f"{shorten(mixed)}: values of several types, which are texts in {file}.")
    if huge:
        remarks.append(f"{shorten(huge)}: whole numbers too large to be exact, which are texts in {file}.")
    return made, remarks


def is_exact(value: int | float) -> bool:
    """Whether a conversion to a float keeps the value."""
    return isinstance(value, float) or -_EXACT <= value <= _EXACT


def well_formed(text: str) -> str:
    """The text with escapes for invalid Unicode: `\\udcff`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _is_changed(value: Any) -> bool:
    return value is not None and not is_exact(value)


def _as_texts(column: TypedColumn) -> TypedColumn:
    texts: list[str | None] = []
    for value in column.values:
        value = _flat(value, column.kind)
        if value is None:
            texts.append(None)
            continue
        if not isinstance(value, str):
            value = show_value(value, longest=None)
        texts.append(well_formed(value))
    return TypedColumn(column.title, TEXT, texts)
