"""The table for other programs: CSV, and Markdown for a pull request or a notebook."""

from __future__ import annotations

import csv as csv_module
import io
from collections.abc import Sequence
from typing import Any

from gitexp.catalog.fields import BY_NAME, Row, Use, used_for
from gitexp.model import MISSING
from gitexp.times import show_time
from gitexp.views.columns import Column
from gitexp.views.table import Table
from gitexp.words import clean, show_value

_FIXED = used_for(Use.CSV)
_FORMULA = ("=", "+", "-", "@")  # the first characters of a formula in a spreadsheet
_MARKUP = str.maketrans({char: "\\" + char for char in "\\|`*_<>[]~#&!$"})


def csv(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """Return the rows as CSV (RFC 4180, with line feeds), values in full; a missing value is empty.

    Control characters are written out (`\\n`, `\\x1b`), and a text that a spreadsheet would run as a
    formula begins with an apostrophe; `--json` has every text as it is.
    """
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")
    writer.writerow([*_FIXED, *(_csv_cell(column.key) for column in columns)])
    for row in rows:
        fixed = [_csv_cell(field.read(row)) for field in _FIXED.values()]
        writer.writerow([*fixed, *(_csv_cell(column.value(row)) for column in columns)])
    return out.getvalue()


def _csv_cell(value: Any) -> str:
    if value is MISSING or value is None:
        return ""
    text = show_value(value, longest=None)
    return "'" + text if isinstance(value, str) and text.startswith(_FORMULA) else text


def markdown(table: Table, columns: Sequence[Column], precision: int) -> list[str]:
    """The table in Markdown, flat: Markdown has no tree."""
    heads = [*(BY_NAME[name].title for name in ("name", "created", "status"))]
    heads += [column.key for column in columns]
    forms = [(column, precision if column.kind == "metric" else None) for column in columns]
    rows = []
    for row in table.rows:
        values = [show_value(column.value(row), digits, longest=None) for column, digits in forms]
        rows.append([row.name, show_time(row.created), str(row.status or "-"), *values])
    return markdown_table(heads, rows)


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table; text in it is text, not markup."""
    lines = ["| " + " | ".join(_escaped(head) for head in heads) + " |", "|" + " --- |" * len(heads)]
    return lines + ["| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in rows]


def _escaped(text: str) -> str:
    return clean(text).translate(_MARKUP)
