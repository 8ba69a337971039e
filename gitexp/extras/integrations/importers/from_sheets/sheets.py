"""Runs from a sheet of results kept by hand: CSV or Excel, a row a run."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.importers import iso_times
from gitexp.extras.integrations.importers.foreign import ColumnRoles, ForeignRun, Importer, Read, Unread
from gitexp.extras.integrations.importers.from_sheets import sheet_rows
from gitexp.extras.integrations.importers.from_sheets.sheet_columns import (
    Role,
    SheetColumn,
    columns_of,
    guess,
)
from gitexp.extras.integrations.importers.from_sheets.sheet_rows import Sheet, as_text
from gitexp.files.keys import nested
from gitexp.files.tables.decimal_marks import decimal_mark, measured_cell
from gitexp.model import Status

SHEET = "sheet"  # of the facts of an imported run
_EXAMPLES = 5  # rows whose values are shown
_STATUSES = {
    **dict.fromkeys(("", "done", "finished", "completed", "complete", "success", "ok"), Status.DONE),
    **dict.fromkeys(("failed", "error", "crashed", "crash"), Status.FAILED),
    **dict.fromkeys(("interrupted", "killed", "stopped", "cancelled", "canceled"), Status.INTERRUPTED),
    "running": Status.INTERRUPTED,
}


class SheetColumns(ColumnRoles):
    """The columns of sheets of one kind."""

    def __init__(self, title: str, endings: tuple[str, ...]) -> None:
        self._title = title
        self._endings = endings

    def examples(self, place: Path) -> Mapping[str, Sequence[str]]:
        """Some values of each column of a sheet, by header."""
        sheet = sheet_rows.read(place)
        found: dict[str, list[str]] = {}
        for number, header in enumerate(sheet.headers):
            cells = [as_text(row[number]) for row in sheet.rows[:_EXAMPLES] if number < len(row)]
            found[header] = [cell for cell in cells if cell]
        return found

    def is_telling(self, header: str) -> bool:
        """Whether a header names the role of its column by itself."""
        return guess(header) is not None

    def reader(self, given: Mapping[str, str]) -> Importer:
        """The importer of such sheets with some columns."""
        return Sheets(self._title, self._endings, given)


class Sheets(Importer):
    """The reader of sheets.

    Attributes:
        endings: of the names of files.
        given: roles of columns by header; other columns need a telling name.
    """

    def __init__(self, title: str, endings: tuple[str, ...], given: Mapping[str, str] | None = None) -> None:
        self.title = title
        self.looks_for = f"a file *{endings[0]} with a header and a row for each run"
        self.endings = endings
        self.given = given or {}
        self.columns = SheetColumns(title, endings)

    def finds(self, place: Path) -> bool:
        """Whether a file is a sheet, by its ending; a folder never is."""
        return place.is_file() and place.suffix.lower() in self.endings

    def read(self, place: Path) -> Iterator[Read]:
        """Yield a run for each row."""
        if place.is_dir():
            raise errors.UsageError(f"{place} is a folder, and no sheet.", f"Give {self.looks_for}.")
        sheet = sheet_rows.read(place)
        columns = columns_of(sheet.headers, self.given)
        yield from _SheetRows(place, sheet, columns).runs()


CSV = Sheets("a CSV file", (".csv", ".tsv"))
EXCEL = Sheets("an Excel workbook", sheet_rows.WORKBOOKS)


class _SheetRows:
    """The rows of a sheet as runs."""

    def __init__(self, place: Path, sheet: Sheet, columns: Sequence[SheetColumn]) -> None:
        self._place = place
        self._sheet = sheet
        self._columns = columns
        self._marks = [self._mark(number) for number in range(len(columns))]
        self._roles = {column.header: column.role_text for column in columns if column.header}
        self._ids: Counter[str] = Counter()

    def _mark(self, number: int) -> str | None:
        """The decimal mark of a column of texts."""
        cells = [row[number] for row in self._sheet.rows if len(row) > number]
        return decimal_mark(cell for cell in cells if isinstance(cell, str))

    def runs(self) -> Iterator[Read]:
        """Yield a run for each row, and the fault of each unreadable row."""
        for line, row in enumerate(self._sheet.rows, self._sheet.first_line):
            if not any(as_text(cell) for cell in row):
                continue
            try:
                yield self._run(row)
            except ValueError as error:
                yield Unread(f"{self._place}, row {line}", str(error))

    def _run(self, row: Sequence[Any]) -> ForeignRun:
        params: dict[str, Any] = {}
        metrics: dict[str, float] = {}
        said: dict[Role, str] = {}
        tags: list[str] = []
        for number, column in enumerate(self._columns):
            cell = row[number] if number < len(row) else None
            text = as_text(cell)
            if not text or column.role is Role.SKIP:
                continue
            if column.role is Role.PARAM:
                params[column.name] = self._value(cell, number)
            elif column.role is Role.METRIC:
                metrics[column.name] = self._number(cell, number, column)
            elif column.role is Role.TAGS:
                tags += [word.strip() for word in text.replace(";", ",").split(",")]
            else:
                said[column.role] = text
        status = _STATUSES.get(said.get(Role.STATUS, "").lower())
        if status is None:
            raise ValueError(f"'{said[Role.STATUS]}' is no status: done, failed or interrupted")
        return ForeignRun(
            id=self._id(said, params, row),
            status=status,
            state=_digest(map(as_text, row)),
            name=said.get(Role.NAME, ""),
            created=_time(said.get(Role.CREATED)),
            finished=_time(said.get(Role.FINISHED)),
            duration=self._duration(said),
            params=nested(params),
            metrics=metrics,
            tags=tuple(tags),
            note=said.get(Role.NOTE, ""),
            group=said.get(Role.GROUP, ""),
            command=said.get(Role.COMMAND, ""),
            user=said.get(Role.USER, ""),
            commit=said.get(Role.COMMIT, "").lower(),
            facts={SHEET: {"file": self._place.name, "columns": self._roles}},
        )

    def _id(self, said: Mapping[Role, str], params: Mapping[str, Any], row: Sequence[Any]) -> str:
        """The key of a row at the next import: its id, else its name, else its params.

        A number tells rows of equal keys apart, by their order.
        """
        known = said.get(Role.ID) or said.get(Role.NAME)
        if known is None:
            known = _digest(
                [json.dumps(params, sort_keys=True, default=str)] if params else map(as_text, row)
            )
        self._ids[known] += 1
        place = self._place.name
        return f"{place}/{known}" if self._ids[known] == 1 else f"{place}/{known}#{self._ids[known]}"

    def _value(self, cell: Any, number: int) -> Any:
        if isinstance(cell, bool | int | float):
            return cell
        text = as_text(cell)
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        return self._measured(text, number)

    def _measured(self, text: str, number: int) -> Any:
        try:
            return measured_cell(text, self._marks[number])
        except ValueError:
            raise ValueError(f"'{text}' can be read in two ways: write 1234 or 1.234") from None

    def _number(self, cell: Any, number: int, column: SheetColumn) -> float:
        value = cell if isinstance(cell, int | float) else self._measured(as_text(cell), number)
        if isinstance(value, str) and value.endswith("%"):
            part = self._measured(value[:-1].strip(), number)
            value = part / 100 if isinstance(part, int | float) else value
        if isinstance(value, int | float):
            return value
        raise ValueError(f"'{value}' in the column '{column.header}' is no number")

    def _duration(self, said: Mapping[Role, str]) -> float | None:
        text = said.get(Role.DURATION)
        if text is None:
            return None
        seconds = 0.0
        try:
            for part in text.split(":"):  # 90, or 1:30, or 0:01:30
                seconds = seconds * 60 + float(part)
        except ValueError:
            raise ValueError(f"'{text}' is no duration: seconds, or 1:30:00") from None
        return seconds


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()[:16]


def _time(text: str | None) -> float | None:
    """Seconds since the epoch, from ISO 8601 or from a number of seconds."""
    if text is None:
        return None
    found = iso_times.seconds(text)
    if found is not None:
        return found
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"'{text}' is no time: write it like 2026-05-31 14:00") from None
