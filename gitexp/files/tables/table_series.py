"""Series of metrics in the tables that training code writes: a row a step (.csv, .tsv, .jsonl)."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from gitexp.errors import ParseError
from gitexp.files.keys import flatten
from gitexp.files.limits import BOM, MAX_TABLE_BYTES
from gitexp.files.lines.series_columns import Series, SeriesColumns
from gitexp.files.scalars import is_finite, is_number
from gitexp.files.tables.decimal_marks import decimal_mark, measured_cell
from gitexp.files.tables.delimited import SEPARATORS, Rows, declared_separator, head, sample, separator_of
from gitexp.files.tables.table_header import Header
from gitexp.files.tables.table_parts import Part, header_in, parts_of
from gitexp.files.tables.table_values import CUT_NUMBER, by_name

_LINES = (".jsonl", ".ndjson")

# The columns with the step of a row, the first one that there is; without any the rows are counted.
_STEPS = ("step", "_step", "global_step", "iteration", "iter", "epoch")
_TIMES = ("timestamp", "_timestamp", "_time", "wall_time")
_MILLISECONDS = 1e11  # a time above is not in seconds: the year 5138


def read(name: str, data: bytes) -> dict[str, Series]:
    """The series of a table by the names of its columns; none of an unreadable table."""
    if len(data) > MAX_TABLE_BYTES:
        return {}
    ending = PurePosixPath(name).suffix.lower()
    data = data.removeprefix(BOM)
    points = _TablePoints()
    try:
        if ending in _LINES:
            _read_lines(data, points)
        else:
            _read_table(name, data, SEPARATORS[ending], points)
    except (ParseError, csv.Error, UnicodeDecodeError):
        return {}
    return points.columns.series()


class _TablePoints:
    """Takes in the rows of a table; a row without a step has the one after the row above.

    Attributes:
        columns: the points so far.
    """

    def __init__(self) -> None:
        self.columns = SeriesColumns()
        self._step = -1

    def add(self, cells: Mapping[str, object], number: Callable[[object], float | None]) -> None:
        """Add the numbers of a row by the titles of their columns."""
        numbers: dict[str, float] = {}
        for title, cell in cells.items():
            if (found := number(cell)) is not None:
                numbers[title] = found
        lower = {title.lower(): title for title in numbers}
        self._step += 1
        for name in _STEPS:
            if name in lower and is_finite(numbers[lower[name]]):
                self._step = int(numbers[lower[name]])
                break
        time = math.nan
        for name in _TIMES:
            if name in lower:
                time = numbers.pop(lower[name])
        if time > _MILLISECONDS:
            time /= 1000
        for title, value in numbers.items():
            if title.lower() not in _STEPS:
                self.columns.add(title, self._step, time, value)


def _number(value: Any) -> float | None:
    return value if is_number(value) else None


def _read_lines(data: bytes, points: _TablePoints) -> None:
    for line in data.split(b"\n"):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            points.add(flatten(found), _number)


def _read_table(name: str, data: bytes, usual: str, points: _TablePoints) -> None:
    declared, start = declared_separator(data)
    separator = declared or separator_of(head(data, start), usual)
    for part in parts_of(name, data, start, separator):
        header = header_in(data, part, separator)
        number = _number_reader(data, part, separator)
        names = by_name(header.titles)
        for cells in _rows(data, part, header, separator):
            titles: Sequence[str] = header.titles
            if names is not None:
                name_at, value_at = names
                titles = [*titles]
                titles[value_at], titles[name_at] = cells[name_at].strip(), ""
            points.add({title: cell for title, cell in zip(titles, cells, strict=False) if title}, number)


def _rows(data: bytes, part: Part, header: Header, separator: str) -> Iterator[Sequence[str]]:
    """Yield the rows that fit their header, without one that a kill has cut short."""
    body = data[part.start : part.end]
    if not body.endswith(b"\n") and part.end == len(data):
        body = _without_cut_row(body, header, separator)
    for row in Rows(body, separator):
        cells = header.fitted(row)
        if cells is not None:
            yield cells


def _without_cut_row(body: bytes, header: Header, separator: str) -> bytes:
    end = body.rfind(b"\n") + 1
    last = list(Rows(body[end:], separator)) if body.count(b'"') % 2 == 0 else []
    if last and not header.is_short(last[-1]):
        cell = last[-1][-1].strip()
        if cell and not CUT_NUMBER.fullmatch(cell):
            return body
    return body[:end]


def _number_reader(data: bytes, part: Part, separator: str) -> Callable[[object], float | None]:
    """What reads a cell of a part: a number, or None."""
    cells: list[str] = []
    for row in sample(head(data, part.start, part.end), separator):
        cells += row
    mark = decimal_mark(cells)
    if mark is None and separator == ";":
        mark = ","

    def number(cell: object) -> float | None:
        try:
            found = measured_cell(str(cell), mark)
        except ValueError:  # one of two numbers
            return None
        return _number(found)

    return number
