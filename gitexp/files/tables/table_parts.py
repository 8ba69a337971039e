"""The parts of a table: after a resume a header may stand in it again, or another one.

One regular expression finds the lines that may be a header, and nothing else is read as rows. So a table of
tens of megabytes is done at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gitexp.errors import ParseError
from gitexp.files.tables.delimited import Rows, head, sample
from gitexp.files.tables.table_header import Header, header_of, is_header, is_new_header
from gitexp.named_tuple import NamedTuple

_MOST_TEXT = 10_000


class Part(NamedTuple):
    """A header and the bytes below it, up to the next header.

    Attributes:
        titles: the cells of the header.
        line: the line of the header.
        start: the beginning of the rows.
        end: their end.
    """

    titles: Sequence[str]
    line: int
    start: int
    end: int


def parts_of(name: str, data: bytes, start: int, separator: str) -> list[Part]:
    """The parts of the table that begins at a byte, from above; none for an empty table.

    Raises ParseError for a table without a header.
    """
    first = _first_part(name, data, start, separator)
    if first is None:
        return []
    parts, first_row = [first], _first_row(data, first, separator)
    no_headers = set[bytes]()
    for at in _candidates(data, first, separator):
        above, line = parts[-1], _line_at(data, at)
        if line in no_headers:
            continue
        row = next(iter(Rows(line, separator)), [])
        if row and is_new_header(row, above.titles, first_row):
            parts[-1] = above._replace(end=at)
            parts.append(Part(row, data.count(b"\n", 0, at) + 1, at + len(line), len(data)))
            first_row = _first_row(data, parts[-1], separator)
            no_headers.clear()
            continue
        no_headers.add(line)
        if len(no_headers) > _MOST_TEXT:
            message = f"this table has more than {_MOST_TEXT:,} different rows without a number"
            raise ParseError(message, "Metrics are numbers.", file=name)
    return parts


def header_in(data: bytes, part: Part, separator: str) -> Header:
    """The header of a part, found from its rows."""
    text = head(data, part.start, part.end)
    rows = sample(text, separator)
    if len(rows) > 1 and part.end == len(data) and not data.endswith(b"\n"):
        rows.pop()  # it may have been cut short
    return header_of(part.titles, part.line, rows, is_quoted=text.lstrip().startswith(b'"'))


def _first_part(name: str, data: bytes, start: int, separator: str) -> Part | None:
    text, before = head(data, start), data.count(b"\n", 0, start)
    rows = Rows(text, separator)
    row = next(iter(rows), None)
    if row is None:
        return None
    line = before + rows.line
    below = start + _length(text, rows.line)
    if is_header(row, sample(head(data, below), separator)):
        return Part(row, line, below, len(data))
    names = rows.comment
    if len(names) == len(row) + 1 and not names[0]:  # a separator after the sign
        names = names[1:]
    if len(names) == len(row):
        # The names stand in a comment above, as NumPy writes them.
        return Part(names, line - 1, start + _length(text, rows.line - 1), len(data))
    raise ParseError("this table has no header with the names of its columns", file=name, line=line)


def _length(text: bytes, lines: int) -> int:
    """The number of bytes in the first lines."""
    at = 0
    for _ in range(lines):
        at = text.find(b"\n", at) + 1
        if at == 0:
            return len(text)
    return at


def _first_row(data: bytes, part: Part, separator: str) -> Sequence[str]:
    return next(iter(sample(head(data, part.start), separator)), [])


def _line_at(data: bytes, at: int) -> bytes:
    end = data.find(b"\n", at)
    return data[at:] if end < 0 else data[at : end + 1]


def _candidates(data: bytes, first: Part, separator: str) -> Iterator[int]:
    """Where lines below the first header begin that may be a header, outside quotes."""
    quotes, before = 0, first.start
    for match in _no_numbers(separator).finditer(data, max(first.start - 1, 0)):
        at = match.start() + 1
        quotes += data.count(b'"', before, at)
        before = at
        if quotes % 2 == 0:
            yield at


def _no_numbers(separator: str) -> re.Pattern[bytes]:
    """Finds the break before each line where no cell begins like a number."""
    end = re.escape(separator.encode())
    lead = rb"['\"]*" if separator == " " else rb"[ '\"]*"
    word = lead + rb"[^\d\s+.#'\"" + end + rb"-][^\n" + end + rb"]*"
    return re.compile(rb"\n(?:" + end + rb")*" + word + rb"(?:" + end + rb"(?:" + word + rb")?)*(?=\n|\Z)")
