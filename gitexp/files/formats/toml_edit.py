"""TOML edited in place: the one user of tomlkit, which is slow to import."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import String

from gitexp.errors import OverrideError, ParseError
from gitexp.files.formats import toml_text
from gitexp.files.keys import Key, put
from gitexp.files.scalars import each_leaf
from gitexp.model import MISSING, Value
from gitexp.regex import regex

_LONE_BREAK = regex(r"(?<!\r)\n")


def edit(name: str, text: str, key: Key, value: Value) -> tuple[str, Value]:
    """The TOML text with `value` under `key` (without `key` if MISSING), and its new tree.

    Raises OverrideError for a null, which TOML lacks, and ParseError if tomlkit cannot keep the text.
    """
    tree = toml_text.read(name, text)
    try:
        document = tomlkit.parse(text)
        faithful = tomlkit.dumps(document) == text
        written = _change(document, key, value)
        new = tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError, LookupError, AttributeError):
        faithful = False
    if not faithful:
        raise ParseError("this file could not be edited in place", "change it with an editor", file=name)
    if "\r\n" in text and not _LONE_BREAK.search(text):
        new = _LONE_BREAK.sub("\r\n", new)
    return new, put(tree, key, written)


def _change(document: Any, key: Key, value: Value) -> Value:
    """Changes the document; the value a later read will give, for example a date in the form of all dates."""
    parent, last = document, key[-1]
    for part, after in pairwise(key):
        if isinstance(part, str) and part not in parent:
            in_line = isinstance(parent, tomlkit.items.InlineTable)
            parent[part] = tomlkit.inline_table() if in_line else tomlkit.table()
            assert isinstance(after, str)
        parent = parent[part]
    if value is MISSING:
        del parent[last]
        return MISSING
    if isinstance(last, int) and last == len(parent):
        value = _as_moments(value, _leaf_kinds(parent))
        parent.append(_item(value))
    else:
        old = parent.get(last) if isinstance(last, str) else parent[last]
        value = _as_moments(value, _leaf_kinds(old))
        parent[last] = _item(value, old)
    return each_leaf(value, toml_text.plain)


def _leaf_kinds(old: Any) -> set[str]:
    """The types of dates and times in an old value."""
    kinds: set[str] = set()
    if old is not None:
        each_leaf(tomlkit.item(old).unwrap(), lambda leaf: kinds.add(toml_text.kind_of(leaf)))
    return kinds - {""}


def _as_moments(value: Value, kinds: set[str]) -> Value:
    """The value with its texts made dates and times, where such stand in the file already."""

    def made(leaf: Value) -> Any:
        moment = toml_text.moment(leaf) if kinds and isinstance(leaf, str) else None
        return leaf if moment is None else moment

    return each_leaf(value, made)


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
