"""Metrics files: the formats of `parse`, tables (.csv, .tsv) and histories. The last row counts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import PurePosixPath

from gitexp.errors import ParseError
from gitexp.files import json_text, nodes
from gitexp.files.limits import BOM, MAX_TABLE_BYTES, check_tree, decode
from gitexp.files.parse import read
from gitexp.files.scalars import each_leaf
from gitexp.model import Scalar, Value

_TAIL = 64 << 10  # the last rows of a table are looked for in this much of its end, then in all of it

_NOT_FINITE = {"nan", "inf", "infinity"}
_LONG_HEADERS = {"name", "value", "timestamp", "step"}


def parse_metrics(name: str, data: bytes) -> dict[str, Value]:
    """The metrics at the end of a metrics file, as a tree; {} for an empty file.

    - .json, .yaml, .yml and .toml are read like params, with "nan", "inf" and "-inf" as floats.
    - A JSON list of maps is a history: the last map counts. In .jsonl the last complete line counts.
    - In a .csv or .tsv table, the last full cell of each column counts, without incomplete rows. So the
      values of one result may come from several rows.
    - In a table with the headers Name and Value, the last value of each name counts.

    Raises ParseError.
    """
    ending = PurePosixPath(name).suffix.lower()
    if ending == ".csv":
        tree = _table(name, data, ",")
    elif ending == ".tsv":
        tree = _table(name, data, "\t")
    elif ending in (".jsonl", ".ndjson"):
        tree = _last_line(name, data)
    else:
        tree = read(name, decode(name, data))
    if isinstance(tree, list):
        tree = tree[-1] if tree else None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ParseError("the top of this file must be a mapping of names to values", file=name)
    check_tree(name, tree)
    return dict(each_leaf(tree, _with_floats))


def _with_floats(value: Value) -> Value:
    if isinstance(value, str) and value.strip().lower().lstrip("+-") in _NOT_FINITE:
        return float(value)
    return value


def _last_line(name: str, data: bytes) -> Value:
    """The value of the last line; of the line before, if a kill has cut the last line short."""
    whole, _, rest = _limited(name, data).rstrip(b"\r\n \t").rpartition(b"\n")
    try:
        return _json(name, decode(name, rest))
    except ParseError:
        if not whole or data.endswith(b"\n"):
            raise
    return _json(name, decode(name, whole.rstrip(b"\r").rpartition(b"\n")[2]))


def _json(name: str, text: str) -> Value:
    if not text.strip():
        return None
    return nodes.plain(json_text.compose(name, text))


def _limited(name: str, data: bytes) -> bytes:
    if len(data) > MAX_TABLE_BYTES:
        raise ParseError(f"this file is larger than {MAX_TABLE_BYTES >> 20} MiB", file=name)
    return data.removeprefix(BOM)


def _table(name: str, data: bytes, delimiter: str) -> dict[str, Value]:
    data = _limited(name, data)
    if data.endswith(delimiter.encode()):  # a row that a kill has cut short
        data = data[: data.rfind(b"\n") + 1]
    head = _rows(data, 0, delimiter)
    try:
        header = list(map(str.strip, next(head, [])))
        titles = list(map(str.lower, header))
        if {"name", "value"} <= set(titles) <= _LONG_HEADERS:
            return _last_by_name(head, titles)
        return _last_by_column(name, data, header, delimiter)
    except csv.Error:
        raise ParseError("this table has a cell that cannot be read", file=name) from None
    except UnicodeDecodeError:
        raise ParseError("this file is not UTF-8 text", file=name) from None


def _rows(data: bytes, start: int, delimiter: str) -> Iterator[list[str]]:
    """The rows from byte `start`, the beginning of a row, without blank lines."""
    text = io.TextIOWrapper(io.BytesIO(data[start:]), encoding="utf-8", newline="")
    return filter(None, csv.reader(text, delimiter=delimiter))


def _last_by_name(rows: Iterator[list[str]], titles: list[str]) -> dict[str, Value]:
    name_at, value_at = titles.index("name"), titles.index("value")
    found = {}
    for row in rows:
        if len(row) == len(titles):
            found[row[name_at].strip()] = number_or_text(row[value_at])
    return found


def _last_by_column(name: str, data: bytes, header: list[str], delimiter: str) -> dict[str, Value]:
    """The last value of each column: loggers that write train and validation rows leave cells empty."""
    if len(set(header)) < len(header):
        twice = next(title for at, title in enumerate(header) if title in header[:at])
        raise ParseError(f"the column `{twice}` stands here twice", file=name, line=1)
    titles = [title for title in header if title]
    found = _last_cells(_rows(data, _tail_start(data), delimiter), header)
    if len(found) < len(titles):
        body = _rows(data, 0, delimiter)
        next(body, None)
        found = _last_cells(body, header)
    return {title: number_or_text(found[title]) for title in titles if title in found}


def _last_cells(rows: Iterator[list[str]], header: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rows:
        if len(row) == len(header):  # the last row is shorter when a kill has cut it
            cells = zip(header, row, strict=True)
            found.update((title, text) for title, text in cells if title and text.strip())
    return found


def _tail_start(data: bytes) -> int:
    """The beginning of a line, outside quotes, to read the last rows from; the end, if none is known."""
    start = data.find(b"\n", max(0, len(data) - _TAIL)) + 1
    is_quoted = data.count(b'"', 0, start) % 2
    if is_quoted or not start or len(data) <= _TAIL:
        return len(data)
    return start


def number_or_text(text: str) -> Scalar:
    """The number in a text, or the text without the blanks around it."""
    text = text.strip()
    if "_" not in text and text.isascii():  # Python reads 1_000; no table means a number by that
        for convert in (int, float):
            try:
                return convert(text)
            except ValueError:
                continue
    return text
