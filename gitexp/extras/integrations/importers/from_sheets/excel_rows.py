"""The rows of the first sheet of an Excel workbook. The one user of openpyxl."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl

from gitexp import errors


def rows(file: Path) -> Iterator[list[Any]]:
    """Yield the cells of each row: values, not formulas. Raises UsageError for a file that is no workbook."""
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        for row in sheet.iter_rows(values_only=True):
            if any(cell is not None for cell in row):
                yield list(row)
        book.close()
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, TypeError, OSError, SyntaxError) as error:
        raise errors.UsageError(
            f"{file} cannot be read as an Excel workbook: {error or type(error).__name__}.",
            "Open it in a spreadsheet and save it as .xlsx or CSV.",
        ) from error
