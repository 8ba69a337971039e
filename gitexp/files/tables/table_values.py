"""Tables of metrics (.csv, .tsv): the last value of each column, or of each name."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from gitexp.errors import ParseError
from gitexp.files.limits import BOM, MAX_TABLE_BYTES
from gitexp.files.tables.decimal_marks import decimal_mark, measured_cell
from gitexp.files.tables.delimited import (
    SEPARATORS,
    Rows,
    declared_separator,
    form_of,
    head,
    last_of_each,
    sample,
    separator_of,
)
from gitexp.files.tables.table_parts import Part, header_in, parts_of
from gitexp.model import Value
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

_TAIL = 256 << 10  # bytes at the end of a table that are read as rows

CUT_NUMBER = regex(r"[-+]?(?:[0-9]+[.,]|(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)[eE][-+]?)")  # 0. or 1.5e-

_NAMES = ("name", "metric", "key")
_BESIDE = {"value", "timestamp", "step", "epoch"}


class Cell(NamedTuple):
    """A cell with the line of its row."""

    text: str
    line: int


def last_values(name: str, data: bytes) -> tuple[dict[str, Value], list[str]]:
    """The last value of each column, and a complaint about each row or value left out.

    Raises ParseError for a table without a header, or with a last row unfit for the header.
    """
    if len(data) > MAX_TABLE_BYTES:
        raise ParseError(f"this file is larger than {MAX_TABLE_BYTES >> 20} MiB", file=name)
    data = data.removeprefix(BOM)
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    try:
        return _last_values(name, data, SEPARATORS[PurePosixPath(name).suffix.lower()])
    except csv.Error:
        raise ParseError("this table has a cell that cannot be read", file=name) from None
    except UnicodeDecodeError:
        raise ParseError("this file is not UTF-8 text", file=name) from None


def _last_values(name: str, data: bytes, usual: str) -> tuple[dict[str, Value], list[str]]:
    declared, start = declared_separator(data)
    separator = declared or separator_of(head(data, start), usual)
    for part in reversed(parts_of(name, data, start, separator)):
        reader = _PartReader(name, data, separator, part)
        found = reader.last_cells()
        if found:  # a run that ends just after its resume leaves a header without rows
            return reader.values(found), reader.complaints
    return {}, []


class _PartReader:
    """The rows below one header of a table."""

    def __init__(self, name: str, data: bytes, separator: str, part: Part) -> None:
        self._name = name
        self._data = data[: part.end]
        self._separator = separator
        self._start = part.start
        self._header = header_in(data, part, separator)
        self.complaints: list[str] = []

    def _complain(self, line: int, text: str) -> None:
        self.complaints.append(f"{self._name}:{line}: {text}")

    def last_cells(self) -> dict[str, Cell]:
        """The last full cell of each column, or of each name."""
        titles = self._header.titles
        named = by_name(titles)
        if named is not None:
            return self._last_by_name(*named)
        times = Counter(titles)
        for title in times:
            if title and times[title] > 1:
                self._complain(self._header.line, f"the column `{title}` stands here twice and is left out")
        single = {at: title for at, title in enumerate(titles) if title and times[title] == 1}
        return self._last_by_column(single)

    def values(self, found: Mapping[str, Cell]) -> dict[str, Value]:
        """The values in these cells."""
        cells = [cell.text for cell in found.values()]
        for row in sample(head(self._data, self._start), self._separator):
            cells += row
        mark = decimal_mark(cells)
        if mark is None and self._separator == ";":
            mark = ","
        values: dict[str, Value] = {}
        for title, cell in found.items():
            try:
                values[title] = measured_cell(cell.text, mark)
            except ValueError:
                text = cell.text.strip()
                self._complain(cell.line, f"`{title}` is {text}, which may be one of two numbers: left out")
        return values

    def _last_by_column(self, wanted: Mapping[int, str]) -> dict[str, Cell]:
        """Loggers that write rows of training and of validation leave cells empty."""
        start = self._tail()
        found = self._last_of_rows(start, wanted)
        missing = [at for at in wanted if at not in found]
        if missing and start > self._start:
            found |= self._last_full(missing, start)
        cells = {}
        for at, title in wanted.items():
            if at in found:
                cells[title] = found[at]
        return cells

    def _tail(self) -> int:
        """The beginning of a line, outside quotes, to read the last rows from."""
        if len(self._data) - self._start <= _TAIL:
            return self._start
        start = self._data.find(b"\n", len(self._data) - _TAIL) + 1
        is_quoted = self._data.count(b'"', self._start, start) % 2
        if is_quoted or start <= self._start:
            return self._start
        return start

    def _last_full(self, columns: Sequence[int], end: int) -> dict[int, Cell]:
        """The last full cells of these columns in the rows up to a byte.

        Rows with the same empty cells have the same columns, and only the last of them counts. So a column
        without any full cell does not take seconds.
        """
        if not self._is_plain():
            return self._last_of_rows(self._start, dict.fromkeys(columns, ""))
        found: dict[int, Cell] = {}
        body = self._data[self._start : end]
        kinds = form_of(body, self._separator).split(b"\n")
        for row, line in self._rows_in(body.split(b"\n"), last_of_each(kinds)):
            cells = self._header.fitted(row)
            for at in columns:
                if cells is not None and cells[at].strip():
                    found[at] = Cell(cells[at], line)
        return found

    def _is_plain(self) -> bool:
        """Whether each line is a row, by the absence of quotes and comments."""
        return b'"' not in self._data and self._data.find(b"#", self._start) < 0

    def _rows_in(self, lines: Sequence[bytes], numbers: Iterable[int]) -> Iterator[tuple[list[str], int]]:
        """The rows in some of the lines from the start on, each with its line in the file."""
        before = self._data.count(b"\n", 0, self._start) + 1
        for number in numbers:
            for row in Rows(lines[number], self._separator):
                yield row, before + number

    def _last_of_rows(self, start: int, wanted: Mapping[int, str]) -> dict[int, Cell]:
        """The last full cell of each column in the rows from a byte on."""
        found: dict[int, Cell] = {}
        misfit: tuple[int, str] | None = None
        last = 0
        for row, line in self._whole_rows(start):
            last = line
            cells = self._header.fitted(row)
            if cells is None:
                misfit = line, self._header.misfit(row)
                continue
            for at in wanted:
                if cells[at].strip():
                    found[at] = Cell(cells[at], line)
        if misfit is not None and misfit[0] == last:
            raise ParseError(misfit[1], "Correct the table.", file=self._name, line=last)
        if misfit is not None:
            self._complain(misfit[0], f"{misfit[1]}; this row is left out")
        return found

    def _whole_rows(self, start: int) -> Iterator[tuple[list[str], int]]:
        """The rows from a byte on with their lines, without a last row that a kill has cut short."""
        rows = Rows(self._data[start:], self._separator, self._data.count(b"\n", 0, start))
        held: tuple[list[str], int] | None = None
        for row in rows:
            if held is not None:
                yield held
            held = row, rows.line
        if held is None or self._is_cut(held[0]):
            return
        is_open = self._data.count(b'"', start) % 2 == 1 and any("\n" in cell for cell in held[0])
        if is_open:
            raise ParseError("a quote is open up to the end of this table", file=self._name, line=held[1])
        yield held

    def _is_cut(self, row: Sequence[str]) -> bool:
        """Whether the last row is unfinished."""
        line = self._data[self._data.rfind(b"\n") + 1 :]
        if not line.strip():
            return False
        cells = self._header.fitted(row)
        last = cells[-1].strip() if cells else ""
        lacks_value = cells is not None and not last
        lacks_value |= CUT_NUMBER.fullmatch(last) is not None
        return line.count(b'"') % 2 == 1 or lacks_value or self._header.is_short(row)

    def _last_by_name(self, name_at: int, value_at: int) -> dict[str, Cell]:
        found, misfit = {}, None
        for row, line in self._last_of_names(name_at):
            cells = self._header.fitted(row)
            if cells is None:
                misfit = row, line
            else:
                found[cells[name_at].strip()] = Cell(cells[value_at], line)
        if misfit is not None:
            self._complain(misfit[1], f"{self._header.misfit(misfit[0])}; this row is left out")
        return {name: cell for name, cell in found.items() if name}

    def _last_of_names(self, name_at: int) -> Iterator[tuple[list[str], int]]:
        """The rows with the last value of each name, and maybe others."""
        if len(self._data) <= _TAIL or not self._is_plain():
            yield from self._whole_rows(self._start)
            return
        lines = self._data[self._start : self._data.rfind(b"\n") + 1].split(b"\n")
        separator = self._separator.encode()
        kinds = (b"".join(line.split(separator, name_at + 1)[name_at : name_at + 1]) for line in lines)
        yield from self._rows_in(lines, last_of_each(kinds))


def by_name(titles: Sequence[str]) -> tuple[int, int] | None:
    """The columns with the name and the value of a metric, in a table with a row for each metric."""
    lower = [title.lower() for title in titles]
    names = [title for title in _NAMES if title in lower]
    if len(names) != 1 or "value" not in lower or not set(lower) <= {*names, *_BESIDE}:
        return None
    return lower.index(names[0]), lower.index("value")
