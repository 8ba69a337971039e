"""TOML edited in place: the one user of tomlkit, which is slow to import."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import String

from gitexp.errors import OverrideError, ParseError
from gitexp.files import toml_text
from gitexp.files.keys import Key, put
from gitexp.model import MISSING, Value

_LONE_BREAK = re.compile(r"(?<!\r)\n")


def edit(name: str, text: str, key: Key, value: Value) -> tuple[str, Value]:
    """The TOML text with `value` under `key` (without `key` if MISSING), and its new tree.

    Raises OverrideError for a null, which TOML lacks, and ParseError if tomlkit cannot keep the text.
    """
    wanted = put(toml_text.read(name, text), key, value)
    try:
        document = tomlkit.parse(text)
        faithful = tomlkit.dumps(document) == text
        _change(document, key, value)
        new = tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError, LookupError, AttributeError):
        faithful = False
    if not faithful:
        raise ParseError("this file could not be edited in place", "change it with an editor", file=name)
    if "\r\n" in text and not _LONE_BREAK.search(text):
        new = _LONE_BREAK.sub("\r\n", new)
    return new, wanted


def _change(document: Any, key: Key, value: Value) -> None:
    parent, last = document, key[-1]
    for part, after in pairwise(key):
        if isinstance(part, str) and part not in parent:
            in_line = isinstance(parent, tomlkit.items.InlineTable)
            parent[part] = tomlkit.inline_table() if in_line else tomlkit.table()
            assert isinstance(after, str)
        parent = parent[part]
    if value is MISSING:
        del parent[last]
    elif isinstance(last, str):
        parent[last] = _item(value, parent.get(last))
    elif last == len(parent):
        parent.append(_item(value))
    else:
        parent[last] = _item(value, parent[last])


def _item(value: Value, old: Any = None) -> Any:
    if _has_null(value):
        raise OverrideError("TOML has no null.", 'Use an empty string (key="") or remove the key (~key).')
    if isinstance(value, str) and isinstance(old, String) and old.as_string().startswith("'"):
        literal = "'" not in value and value.isprintable()
        return tomlkit.string(value, literal=literal)
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        table.update({key: _item(item) for key, item in value.items()})
        return table
    return tomlkit.item(value)


def _has_null(value: Value) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return value is None or (isinstance(value, list) and any(map(_has_null, value)))
