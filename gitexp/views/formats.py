"""The table for other programs: CSV, and Markdown for a pull request or a notebook."""

from __future__ import annotations

import csv as csv_module
import io
from collections.abc import Callable, Sequence
from typing import Any

from gitexp.catalog.fields import BY_NAME, Row, Use, used_for
from gitexp.model import MISSING
from gitexp.times import show_time
from gitexp.views.columns import Choice, Column, titles
from gitexp.views.table import Table
from gitexp.words import clean, show_value

_FIXED = used_for(Use.CSV)
_HEAD: dict[str, Callable[[Row], str]] = {
    "name": lambda row: row.name,
    "created": lambda row: show_time(row.created),
    "status": lambda row: str(row.status or "-"),
}
_FORMULA = ("=", "+", "-", "@")  # the first characters of a formula in a spreadsheet
_MARKUP = str.maketrans({char: "\\" + char for char in "\\|`*_<>[]~#&!$"})


def csv(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """The CSV of the rows (RFC 4180, with line feeds), values in full; a missing value is empty.

    Control characters are written out (`\\n`, `\\x1b`), and a formula of a spreadsheet begins with an
    apostrophe; `--json` has every text unchanged.
    """
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")
    further = []
    for column in columns:
        if column.kind != "about" or column.key not in _FIXED:
            further.append(column)
    writer.writerow([*_FIXED, *map(_csv_cell, titles(further))])
    for row in rows:
        values = [field.read(row) for field in _FIXED.values()]
        values += [column.raw(row) for column in further]
        writer.writerow(map(_csv_cell, values))
    return out.getvalue()


def _csv_cell(value: Any) -> str:
    if value is MISSING or value is None:
        return ""
    text = show_value(value, longest=None)
    if isinstance(value, str) and text.startswith(_FORMULA):
        return "'" + text
    return text


def markdown(table: Table, choice: Choice, precision: int) -> list[str]:
    """The table in Markdown, flat: Markdown has no tree. Values common to all rows stand below."""
    heads, parts = [], []
    rows = table.rows
    for name, text in _HEAD.items():
        if name not in choice.hidden:
            heads.append(BY_NAME[name].title)
            parts.append(list(map(text, rows)))
    for column, title in zip(choice.columns, titles(choice.columns), strict=True):
        heads.append(title)
        parts.append(column.texts(rows, precision, None))
    lines = markdown_table(heads, list(zip(*parts, strict=True)))
    if choice.same:
        lines += [
            "",
            "Without a difference: "
            + ", ".join(_escaped(text) for text in same_in_all(table, choice, precision)),
        ]
    return lines


def same_in_all(table: Table, choice: Choice, precision: int, longest: int | None = None) -> list[str]:
    """The columns that are the same in all experiments, each with its value: `seed=1`."""
    found = []
    for column in choice.same:
        for row in table.experiments:
            if column.value(row) is not MISSING:
                found.append(f"{column.key}={column.texts([row], precision, longest)[0]}")
                break
    return found


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table; text in it is text, not markup."""
    return [_markdown_row(heads), "|" + " --- |" * len(heads), *map(_markdown_row, rows)]


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    return clean(text).translate(_MARKUP)
