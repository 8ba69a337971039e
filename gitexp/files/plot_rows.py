"""The rows of a file that is drawn: .csv, .tsv, .json, .jsonl, .yaml."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, TypeAlias

from gitexp.errors import ParseError
from gitexp.files.limits import BOM, MAX_JSON_BYTES, MAX_TABLE_BYTES, decode
from gitexp.files.parse import read
from gitexp.files.tables.delimited import SEPARATORS, Rows, declared_separator, head, separator_of

Row: TypeAlias = dict[str, Any]

ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".yaml", ".yml")
_DEEPEST = 64  # maps in maps


def is_table_of_plot(name: str) -> bool:
    """Whether a file has rows to draw, by its name."""
    return PurePosixPath(name).suffix.lower() in ENDINGS


def rows_of(name: str, data: bytes, *, header: bool = True) -> list[Row]:
    """The rows of a file, by the titles of their columns. Without `header` the titles are 0, 1, 2….

    In JSON and YAML: all lists of maps with equal keys, at any depth. Rows with the same number in several
    lists become one row. A map of lists of plain values is a table by columns, and `labels` with a `matrix`
    are pairs of classes with their count. Raises ParseError for an unreadable file, or without rows.
    """
    if len(data) > MAX_TABLE_BYTES:
        raise ParseError(f"this file is larger than {MAX_TABLE_BYTES >> 20} MiB", file=name)
    ending = PurePosixPath(name).suffix.lower()
    try:
        if ending in SEPARATORS:
            return _delimited(data.removeprefix(BOM), SEPARATORS[ending], header=header)
        if ending in (".jsonl", ".ndjson"):
            return _json_lines(name, data.removeprefix(BOM))
        if ending == ".json":
            return _in_tree(name, json.loads(decode(name, data, MAX_JSON_BYTES)))
    except (ValueError, RecursionError, csv.Error) as error:
        raise ParseError(f"this file cannot be read: {error}", file=name) from error
    return _in_tree(name, read(name, decode(name, data)))


def _delimited(data: bytes, usual: str, *, header: bool) -> list[Row]:
    declared, start = declared_separator(data)
    separator = declared or separator_of(head(data, start), usual)
    lines = iter(Rows(data[start:], separator))
    first = next(lines, None)
    if first is None:
        return []
    titles = [title.strip() for title in first]
    if not header:
        titles = [str(number) for number in range(len(first))]
    found = [] if header else [dict(zip(titles, first, strict=False))]
    for cells in lines:
        found.append(dict(zip(titles, cells, strict=False)))
    return found


def _json_lines(name: str, data: bytes) -> list[Row]:
    found = []
    lines = data.split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            if number == len(lines):  # a kill has cut it short
                break
            raise ParseError("this line is no JSON object", file=name, line=number) from error
        if not isinstance(row, dict):
            raise ParseError("this line is no JSON object", file=name, line=number)
        found.append(row)
    return found


def _in_tree(name: str, tree: Any) -> list[Row]:
    found: list[Row] = _of_matrix(tree)
    if found:
        return found
    for rows in _lists(tree, _DEEPEST):
        if not _are_rows(rows):
            continue
        for number, row in enumerate(rows):
            if number == len(found):
                found.append({})
            found[number].update(row)
    if not found and isinstance(tree, dict):
        found = _by_columns(tree)
    if not found and tree not in ([], {}, None):
        raise ParseError("this file has no list of maps with equal keys, so no rows to draw", file=name)
    return found


def _of_matrix(tree: Any) -> list[Row]:
    """The rows of a confusion matrix by `gitexp.log_confusion`: a pair of classes and its count."""
    if not isinstance(tree, dict) or tree.keys() != {"labels", "matrix"}:
        return []
    labels, matrix = tree["labels"], tree["matrix"]
    if not isinstance(labels, list) or not isinstance(matrix, list):
        return []
    found = []
    for actual, counts in zip(labels, matrix, strict=False):
        if isinstance(counts, list):
            for predicted, count in zip(labels, counts, strict=False):
                found.append({"actual": actual, "predicted": predicted, "count": count})
    return found


def _lists(tree: Any, depth: int) -> Iterator[list[Any]]:
    if isinstance(tree, list):
        yield tree
    elif isinstance(tree, dict) and depth:
        for value in tree.values():
            if isinstance(value, dict | list):
                yield from _lists(value, depth - 1)


def _are_rows(rows: Sequence[Any]) -> bool:
    if not rows or not all(isinstance(row, dict) for row in rows):
        return False
    keys = rows[0].keys()
    return all(row.keys() <= keys for row in rows)


def _by_columns(tree: dict[str, Any]) -> list[Row]:
    columns = {title: values for title, values in tree.items() if _is_column(values)}
    if not columns or len({len(values) for values in columns.values()}) != 1:
        return []
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _is_column(values: Any) -> bool:
    return isinstance(values, list) and not any(isinstance(value, dict | list) for value in values)
