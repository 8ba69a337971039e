"""Metrics files: the formats of `parse`, tables and JSON lines. The last value of each metric counts."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from gitexp import plugins
from gitexp.errors import ParseError
from gitexp.files.limits import MAX_BYTES, MAX_JSON_BYTES, decode
from gitexp.files.merging import merged
from gitexp.files.parse import read
from gitexp.files.parsed import Parsed, within_limits
from gitexp.files.plain_values import not_finite
from gitexp.files.scalars import each_leaf
from gitexp.model import Value


def parse_metrics(name: str, data: bytes) -> Parsed:
    """The tree of the metrics at the end of a metrics file; {} for an empty file.

    - .json, .yaml, .yml and .toml are read like params; texts like "nan" and "-inf" are floats.
    - A JSON list of maps is a history, and so are the lines of .jsonl: the last value of each key counts.
    - In a .csv or .tsv table, the last full cell of each column counts, without incomplete rows. So the
      values of one result may come from several rows.
    - In a table with the headers Name and Value, the last value of each name counts.

    Raises ParseError.
    """
    tree, complaints = _last_values(name, data)
    if tree is None:
        return Parsed({})
    if not isinstance(tree, dict):
        raise ParseError("the top of this file must be a mapping of names to values", file=name)
    found = within_limits(name, tree)
    return Parsed(dict(each_leaf(found.tree, _with_floats)), (*complaints, *found.complaints))


def _last_values(name: str, data: bytes) -> tuple[Value, list[str]]:
    """The last value of each metric, and complaints about what is left out."""
    ending = PurePosixPath(name).suffix.lower()
    if ending in plugins.names("metrics"):
        found: tuple[Value, list[str]] = plugins.load("metrics", ending)(name, data)
        return found
    tree = _tree(name, data, ending)
    if isinstance(tree, list):
        tree = merged(tree)
    return tree, []


def _tree(name: str, data: bytes, ending: str) -> Value:
    if ending == ".json" and len(data) > MAX_BYTES:
        return _large_json(name, data)
    return read(name, decode(name, data))


def _large_json(name: str, data: bytes) -> Value:
    """The value of a file that the reader with positions would take too long for."""
    text = decode(name, data, MAX_JSON_BYTES)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ParseError("this is not valid JSON", file=name) from None


def _with_floats(value: Value) -> Value:
    if isinstance(value, str) and (found := not_finite(value.strip())) is not None:
        return found
    return value
