"""Experiments as an Excel workbook. The one user of XlsxWriter."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import xlsxwriter

from gitexp import errors
from gitexp.views.exported import ExportedFile, ExportedTable, in_one_cell, is_exact, well_formed
from gitexp.views.typed_columns import MOMENT, TypedColumn
from gitexp.words import counted, show_value

# The limits of Excel.
_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384
_LONGEST = 32_767  # characters in a cell

_NO_FORMULAS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_CREATED = datetime(2000, 1, 1)  # of the workbook: the same experiments give the same bytes
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_TIME, _LAST_TIME = datetime(1900, 3, 1), datetime(9999, 12, 31)  # before it, Excel has a day too many
_WIDEST = 40  # characters of a column

# What a cell cannot hold -> the sentence about it.
_HUGE, _ODD, _LONG = "huge", "odd", "long"
_SENTENCES = {
    _HUGE: "{} beyond 2^53 in {}: text, because Excel would round them.",
    _ODD: "{} in {} that are NaN or infinite: text, because Excel has no such numbers.",
    _LONG: "{} in {} cut to 32,767 characters, the most that a cell holds.",
}
_NOUNS = {_HUGE: "whole number", _ODD: "number", _LONG: "text"}


def write(exported: ExportedTable, file: str) -> ExportedFile:
    """A workbook with one sheet. Numbers stay numbers, times are in UTC, and no text becomes a formula.

    Raises UsageError for more rows or columns than the limits of Excel.
    """
    if exported.rows >= _MOST_ROWS or len(exported.columns) > _MOST_COLUMNS:
        raise errors.UsageError(
            f"Excel takes {_MOST_ROWS - 1:,} rows and {_MOST_COLUMNS:,} columns; these are "
            f"{exported.rows:,} and {len(exported.columns):,}.",
            "CSV and Parquet have no such limit; --columns and --filter choose fewer.",
        )
    data = io.BytesIO()
    book = xlsxwriter.Workbook(data, {"in_memory": True, **_NO_FORMULAS})
    book.set_properties({"created": _CREATED})
    sheet = book.add_worksheet("experiments")
    sheet.freeze_panes(1, 1)
    cells = _Cells(book, sheet)
    for at, column in enumerate(exported.columns):
        cells.add(at, column)
    if exported.columns:
        sheet.autofilter(0, 0, exported.rows, len(exported.columns) - 1)
    book.close()
    return ExportedFile(data.getvalue(), cells.remarks(file))


class _Cells:
    """The sheet, and the counts of values changed to fit into cells."""

    def __init__(self, book: Any, sheet: Any) -> None:
        self._sheet = sheet
        self._bold = book.add_format({"bold": True})
        self._time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._changed: Counter[str] = Counter()

    def add(self, at: int, column: TypedColumn) -> None:
        self._sheet.write_string(0, at, well_formed(column.title)[:_LONGEST], self._bold)
        written = [column.title]
        if column.kind == MOMENT:
            for row, seconds in enumerate(column.values, 1):
                written.append(self._put_time(row, at, seconds))
        else:
            for row, value in enumerate(in_one_cell(column).values, 1):
                written.append(self._put(row, at, value))
        self._sheet.set_column(at, at, min(max(map(len, written)) + 2, _WIDEST))

    def _put_time(self, row: int, at: int, seconds: float | None) -> str:
        if seconds is None:
            return ""
        time = (_EPOCH + timedelta(milliseconds=round(seconds * 1000))).replace(tzinfo=None)
        if not _FIRST_TIME <= time < _LAST_TIME:
            self._sheet.write_string(row, at, f"{time.isoformat()}Z")
        else:
            self._sheet.write_datetime(row, at, time, self._time)
        return f"{time}"[:23]

    def _put(self, row: int, at: int, value: Any) -> str:
        """The displayed text of a value, after writing the value into a cell."""
        if value is None:
            return ""
        if isinstance(value, bool):
            self._sheet.write_boolean(row, at, value)
        elif isinstance(value, int | float) and is_exact(value) and math.isfinite(value):
            self._sheet.write_number(row, at, value)
        else:
            return self._put_text(row, at, value)
        return str(value)

    def _put_text(self, row: int, at: int, value: Any) -> str:
        if isinstance(value, str):
            text = well_formed(value)
        else:
            text = show_value(value, longest=None)
        if isinstance(value, int):
            self._changed[_HUGE] += 1
        elif isinstance(value, float):
            self._changed[_ODD] += 1
        if len(text) > _LONGEST:
            self._changed[_LONG] += 1
        self._sheet.write_string(row, at, text[:_LONGEST])
        return text[:_WIDEST]

    def remarks(self, file: str) -> Sequence[str]:
        """A sentence for each kind of changed value."""
        told = []
        for what, count in self._changed.items():
            told.append(_SENTENCES[what].format(counted(count, _NOUNS[what]), file))
        return told
