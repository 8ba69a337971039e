"""The header of a table: which row it is, and how the rows below fit it."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.files.tables.decimal_marks import is_number_text
from gitexp.files.tables.delimited import width
from gitexp.named_tuple import NamedTuple
from gitexp.words import counted

_MISSING = {"na", "n/a", "none", "null", "-", "--"}


class Header(NamedTuple):
    """The titles of a table, or of the part of a table below them.

    Attributes:
        line: its line in the file.
        titles: the titles of the columns, without empty ones at the end.
        cells: the number of cells, empty ones included.
        has_index: whether a column of row names without a title stands before the others.
    """

    line: int
    titles: tuple[str, ...]
    cells: int
    has_index: bool = False

    def fitted(self, row: Sequence[str]) -> Sequence[str] | None:
        """The cells of a row, one for each title; None for a row of another width."""
        if self.has_index:
            row = row[1:]
        columns = len(self.titles)
        if len(row) == self.cells or width(row) <= columns <= len(row):
            return row[:columns]
        return None

    def is_short(self, row: Sequence[str]) -> bool:
        """Whether a row ends before its last column."""
        return len(row) < len(self.titles) + self.has_index

    def misfit(self, row: Sequence[str]) -> str:
        """The words about a row that does not fit."""
        columns = len(self.titles) + self.has_index
        return f"this row has {counted(len(row), 'cell')}, but the header in line {self.line} has {columns}"


def header_of(row: Sequence[str], line: int, body: Sequence[Sequence[str]], *, is_quoted: bool) -> Header:
    """The header in a row above the rows of `body`; `is_quoted`: their first cells have quotes."""
    titles = titles_of(row)
    has_index = _has_index(len(titles), body, is_quoted=is_quoted)
    return Header(line, titles, len(row), has_index)


def titles_of(row: Sequence[str]) -> tuple[str, ...]:
    """The titles in a header, without empty ones at the end."""
    return tuple(title.strip() for title in row[: width(row)])


def _has_index(columns: int, body: Sequence[Sequence[str]], *, is_quoted: bool) -> bool:
    """Whether each row has an additional cell before the header's, a row name in the manner of R.

    Without quotes 1,0,9 may also be 1 and 0,9: so a decimal point is needed, and the names must count up.
    """
    if not body or any(len(row) != columns + 1 for row in body):
        return False
    if not any(row[-1].strip() for row in body):  # a separator at the end of each row
        return False
    names = [row[0].strip() for row in body]
    if is_quoted or not all(map(is_number_text, names)):
        return True
    cells: list[str] = []
    for row in body:
        cells += row[1:]
    return any("." in cell for cell in cells) and _counts_up(names)


def _counts_up(names: Sequence[str]) -> bool:
    if not all(name.isdecimal() for name in names):
        return False
    first = int(names[0])
    return [*map(int, names)] == [*range(first, first + len(names))]


def is_header(row: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first row of a table names the columns of the rows below.

    Then it has no numbers, or text in a column where numbers follow: `,0,1` above `7,0.5,0.6`.
    """
    if not any(map(is_number_text, row)):
        return True
    if not body:
        return False
    aligned = zip(reversed(row), *map(reversed, body), strict=False)
    return any(not is_number_text(title) and all(map(is_number_text, cells)) for title, *cells in aligned)


def is_new_header(row: Sequence[str], above: Sequence[str], first: Sequence[str]) -> bool:
    """Whether a row further down is the header of the rows below, written after a resume.

    `above`: the header above. `first`: the first row below `above`. A new header repeats the old header, or
    has other words: then some titles return, or the first row had only numbers.
    """
    titles = titles_of(row)
    if titles == titles_of(above):
        return True
    named = titles[1:] if titles[:1] == ("",) else titles
    if len(set(named)) < len(named) or not all(named) or any(map(_is_value, named)):
        return False
    if not set(named).isdisjoint(titles_of(above)):
        return True
    return len(named) > 1 and all(map(is_number_text, first))


def _is_value(cell: str) -> bool:
    return is_number_text(cell) or cell.lower() in _MISSING
