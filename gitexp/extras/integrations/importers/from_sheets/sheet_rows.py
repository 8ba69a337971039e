"""The header and rows of a sheet, from a text file with separators or from an Excel workbook."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from gitexp import errors, plugins
from gitexp.files.tables import delimited
from gitexp.named_tuple import NamedTuple

_LARGEST = 256 * 1024 * 1024  # bytes
WORKBOOKS = (".xlsx", ".xlsm")


class Sheet(NamedTuple):
    """A sheet.

    Attributes:
        headers: the names of the columns; "" for a column without a name.
        rows: the cells of each row, a text, number, truth value, time or None each.
        first_line: the number of the first row in its file.
    """

    headers: list[str]
    rows: list[list[Any]]
    first_line: int


def read(file: Path) -> Sheet:
    """The sheet in a file. Raises UsageError for any other file, and OSError."""
    if file.stat().st_size > _LARGEST:
        raise errors.UsageError(f"{file} is too large for a sheet.", "Divide it; each part can be imported.")
    if file.suffix.lower() in WORKBOOKS:
        read_workbook = plugins.find_installed("sheet", "excel", "openpyxl")
        if read_workbook is None:
            raise errors.UsageError(
                "Excel workbooks need openpyxl, which is not installed.",
                "Install it: pip install 'gitexp[excel]', or save the sheet as CSV.",
            )
        rows = list(read_workbook(file))
    else:
        rows = list(_delimited(file))
    at = next((number for number, row in enumerate(rows) if len(_full(row)) > 1), 0)
    if len(rows) <= at + 1:
        raise errors.UsageError(
            f"{file} has no row below a header.", "The first row has to have the names of the columns."
        )
    headers = [str(cell).strip() if cell is not None else "" for cell in rows[at]]
    doubled = {header for header in headers if header and headers.count(header) > 1}
    if doubled:
        raise errors.UsageError(
            f"{file} has two columns called '{min(doubled)}'.", "Rename one of them in the sheet."
        )
    return Sheet(headers, rows[at + 1 :], at + 2)


def _full(row: list[Any]) -> list[Any]:
    return [cell for cell in row if cell not in (None, "")]


def _delimited(file: Path) -> Iterator[list[Any]]:
    content = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise errors.UsageError(
            f"{file} is not UTF-8: line {line} has a byte that cannot be read.",
            "Save it as CSV in UTF-8, or as .xlsx.",
        ) from None
    separator, skipped = delimited.declared_separator(content)
    content = content[skipped:]
    usual = delimited.SEPARATORS.get(file.suffix.lower(), ",")
    separator = separator or delimited.separator_of(delimited.head(content), usual)
    rows = delimited.Rows(content, separator)
    try:
        yield from rows
    except csv.Error as error:
        raise errors.UsageError(f"{file} cannot be read at line {rows.line}: {error}.", "Mend it.") from None


def as_text(cell: Any) -> str:
    """The text of a cell; "" for an empty cell, and no `.0` behind Excel's whole numbers."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return str(cell).strip()
