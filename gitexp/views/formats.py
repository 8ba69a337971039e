"""The table for other programs: CSV, and Markdown for a pull request or a notebook."""

from __future__ import annotations

import csv as csv_module
import io
from collections.abc import Sequence
from typing import Any

from gitexp.catalog.fields import BY_NAME, Row, Use, used_for
from gitexp.model import MISSING
from gitexp.times import show_time
from gitexp.views.columns import Column, keys_of
from gitexp.views.table import Table
from gitexp.words import clean, show_value

_FIXED = used_for(Use.CSV)
_FORMULA = ("=", "+", "-", "@")  # the first characters of a formula in a spreadsheet
_MARKUP = str.maketrans({char: "\\" + char for char in "\\|`*_<>[]~#&!$"})


def csv(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """The rows as CSV (RFC 4180, with line feeds), values in full; a missing value is empty.

    Control characters are written out (`\\n`, `\\x1b`), and a formula of a spreadsheet begins with an
    apostrophe; `--json` has every text unchanged.
    """
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")
    writer.writerow([*_FIXED, *map(_csv_cell, keys_of(columns))])
    for row in rows:
        values = [field.read(row) for field in _FIXED.values()]
        values += [column.value(row) for column in columns]
        writer.writerow(map(_csv_cell, values))
    return out.getvalue()


def _csv_cell(value: Any) -> str:
    if value is MISSING or value is None:
        return ""
    text = show_value(value, longest=None)
    if isinstance(value, str) and text.startswith(_FORMULA):
        return "'" + text
    return text


def markdown(table: Table, columns: Sequence[Column], precision: int) -> list[str]:
    """The table in Markdown, flat: Markdown has no tree."""
    heads = [BY_NAME[name].title for name in ("name", "created", "status")]
    heads += keys_of(columns)
    rows = []
    for row in table.rows:
        cells = [row.name, show_time(row.created), str(row.status or "-")]
        cells += [column.text(row, precision, longest=None) for column in columns]
        rows.append(cells)
    return markdown_table(heads, rows)


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table; text in it is text, not markup."""
    return [_markdown_row(heads), "|" + " --- |" * len(heads), *map(_markdown_row, rows)]


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    return clean(text).translate(_MARKUP)
