"""Delimited text: the separator of a table is recognised, and its rows are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice

from gitexp.files.tables.decimal_marks import is_number_text
from gitexp.regex import regex

_HEAD = 64 << 10  # bytes at the beginning of a table that show its form
_SAMPLE = 20  # rows of it
SEPARATORS = {".csv": ",", ".tsv": "\t"}  # the usual one by the ending of the file
_POSSIBLE = (",", ";", "\t", "|", " ")  # in this order, where several would do
_DECLARED = regex(rb"[ \t]*\"?sep=(.)\"?[ \t]*\r?\n")  # as Excel writes it
_COMMENT = "#"


class Rows:
    """The rows of a text, without blank rows.

    Attributes:
        comment: the cells of the last comment line, without its sign; empty without one.
    """

    def __init__(self, data: bytes, separator: str, before: int = 0) -> None:
        """`before` is the number of lines before `data`."""
        text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
        self._reader = csv.reader(text, delimiter=separator, skipinitialspace=True)
        self._before = before
        self.comment: list[str] = []

    def __iter__(self) -> Iterator[list[str]]:
        for cells in self._reader:
            if not any(cells):
                continue
            if cells[0].startswith(_COMMENT):
                self.comment = [cells[0].lstrip(_COMMENT).strip(), *cells[1:]]
            else:
                yield cells

    @property
    def line(self) -> int:
        """The line of the last row; of a row with several lines, its last."""
        return self._before + self._reader.line_num


def head(data: bytes, start: int = 0, end: int | None = None) -> bytes:
    """The first whole lines of these bytes, enough to show the form of a table."""
    end = len(data) if end is None else end
    last = data.find(b"\n", start + _HEAD, end)
    return data[start:end] if last < 0 else data[start : last + 1]


def sample(data: bytes, separator: str) -> list[list[str]]:
    """The first rows of a table."""
    return list(islice(Rows(data, separator), _SAMPLE))


def declared_separator(data: bytes) -> tuple[str | None, int]:
    """The separator declared in the first line (`sep=;`), and the length of the line."""
    match = _DECLARED.match(data)
    if match is None:
        return None, 0
    return match[1].decode("latin-1"), match.end()


def separator_of(text: bytes, usual: str) -> str:
    """The separator by which most rows at the beginning of a table fit the first row.

    `usual`: the separator by the table's name, which decides where several would do.
    """
    best, best_fit = usual, (0.0, 0)
    for separator in dict.fromkeys((usual, *_POSSIBLE)):
        fit = _fit(sample(text, separator))
        is_last_choice = separator == " " and best_fit[0] > 0
        if fit > best_fit and not is_last_choice:
            best, best_fit = separator, fit
    return best


def _fit(rows: Sequence[Sequence[str]]) -> tuple[float, int]:
    """The share of rows that fit the first row, and the number of columns; zeros for a single column."""
    if not rows:
        return 0, 0
    columns = width(rows[0])
    if columns < 2 and not _is_one_with_index(rows):
        return 0, 0
    body = rows[1:]
    fitting = sum(width(row) <= columns <= len(row) or len(row) == columns + 1 for row in body)
    share = (fitting + 0.5) / (len(body) + 0.5)  # above zero for a header alone
    return share, columns


def _is_one_with_index(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a single column of numbers follows a column of row names."""
    body = rows[1:]
    return bool(body) and all(len(row) == 2 and is_number_text(row[1]) for row in body)


def width(cells: Sequence[str]) -> int:
    """The number of cells without empty ones at the end."""
    count = len(cells)
    while count and not cells[count - 1].strip():
        count -= 1
    return count


def form_of(data: bytes, separator: str) -> bytes:
    """The text with a letter for each full cell: `x,,x` and a line break."""
    kept = separator.encode() + b"\n"
    blank = b"\r \t".replace(separator.encode(), b"")
    form = data.translate(bytes(byte if byte in kept else ord("x") for byte in range(256)), blank)
    while b"xx" in form:
        form = form.replace(b"xx", b"x")
    return form


def last_of_each(kinds: Iterable[bytes]) -> list[int]:
    """The number of the last line of each kind, in the order of the lines."""
    return sorted(dict(zip(kinds, count(), strict=False)).values())
