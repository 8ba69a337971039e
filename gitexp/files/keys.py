"""Dotted keys (`model.layers[0].units`) and the flat form of a tree."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, TypeAlias

from gitexp.errors import OverrideError
from gitexp.files.limits import MAX_DEPTH
from gitexp.model import MISSING, Files, Tree, Value
from gitexp.regex import regex
from gitexp.words import cut

Key: TypeAlias = tuple[str | int, ...]

_SHOWN = 200  # characters of a key in an error
_MOST_KEYS = 4096  # that are remembered below one prefix
SCALARS = frozenset((str, int, float, bool, type(None)))  # the types of most values
_BARE = regex(r'[^.\[\]":=\x00-\x1f\x7f]+')
_PART = regex(
    r'(?P<dot>\.)?(?:(?P<bare>[^.\[\]":=]+)|(?P<quoted>"(?:[^"\\]|\\.)*"))|\[(?P<index>[0-9]{1,9})\]'
)


def parse_key(text: str) -> Key:
    """The parts of a dotted key: map keys as str, list indexes as int; `format_key` is the inverse.

    Raises OverrideError for text without a key, or deeper than any file may be.
    """
    parts: list[str | int] = []
    at = 0
    while at < len(text) and len(parts) <= MAX_DEPTH:
        match = _PART.match(text, at)
        if match is None or (match["index"] is None and bool(match["dot"]) != bool(parts)):
            break
        parts.append(_part_value(match, text))
        at = match.end()
    if at < len(text) or not parts or len(parts) > MAX_DEPTH:
        raise _bad_key(text)
    return tuple(parts)


def _part_value(match: re.Match[str], text: str) -> str | int:
    if match["index"] is not None:
        return int(match["index"])
    if match["bare"] is not None:
        return match["bare"]
    try:
        return str(json.loads(match["quoted"], strict=False))
    except ValueError:
        raise _bad_key(text) from None


def _bad_key(text: str) -> OverrideError:
    return OverrideError(
        f"`{cut(text, _SHOWN)}` is not a parameter key.",
        'Keys look like train.lr, layers[0].units or "a.b".c.',
    )


def format_key(parts: Key) -> str:
    """The dotted key of some parts; a map key that could be misread is quoted like a JSON string."""
    text = ""
    for part in parts:
        text = _join(text, part)
    return text


class _KeysBelow(dict[str | int, str]):
    """The dotted keys below a prefix, by their last part, each made when somebody asks for it first.

    The same few keys stand in thousands of experiments, and share one string.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def __missing__(self, part: str | int) -> str:
        if len(self) >= _MOST_KEYS:
            self.clear()
        key = self[part] = _join(self._prefix, part)
        return key


_keys_below = lru_cache(maxsize=256)(_KeysBelow)


def _join(prefix: str, part: str | int) -> str:
    if isinstance(part, int):
        return f"{prefix}[{part}]"
    return f"{prefix}.{_quoted(part)}" if prefix else _quoted(part)


def _quoted(part: str) -> str:
    if _BARE.fullmatch(part) and part == part.strip():
        return part
    return json.dumps(part, ensure_ascii=False)


@lru_cache(maxsize=1024)
def way(key: str) -> tuple[str, ...]:
    """The names of the maps that lead to a dotted key; () if the key is not made of such names alone."""
    try:
        parts = parse_key(key)
    except OverrideError:
        return ()
    names = tuple(part for part in parts if isinstance(part, str))
    if len(names) < len(parts) or format_key(names) != key:
        return ()
    return names


def flatten(tree: Tree) -> dict[str, Value]:
    """Dotted keys to values, in the order of the tree.

    A list is one value, but the items of a list with a map in it have keys of their own
    (`layers[0].units`). An empty map has the value {}.
    """
    flat: dict[str, Value] = {}
    _flatten(flat, "", tree.items())
    return flat


def _flatten(flat: dict[str, Value], prefix: str, items: Iterable[tuple[str | int, Value]]) -> None:
    keys = _keys_below(prefix)
    for part, value in items:
        if value.__class__ in SCALARS:  # nearly all are
            flat[keys[part]] = value
        elif isinstance(value, dict) and value:
            _flatten(flat, keys[part], value.items())
        elif isinstance(value, list) and _holds_map(value):
            _flatten(flat, keys[part], enumerate(value))
        else:
            flat[keys[part]] = value


def nested(flat: Mapping[str, Value]) -> dict[str, Value]:
    """The tree of some names, a map for each dot: what `flatten` names alike, without quotes.

    A name that is no plain path, or that leads through another name, stays as it is.
    """
    tree: dict[str, Value] = {}
    for name, value in flat.items():
        parts = name.split(".")
        ways = {".".join(parts[:at]) for at in range(1, len(parts))}
        if len(parts) == 1 or not ways.isdisjoint(flat) or format_key(tuple(parts)) != name:
            tree[name] = value
            continue
        place: Any = tree
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        place[parts[-1]] = value
    return tree


def _holds_map(value: Value) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_holds_map, value)))


def flatten_files(files: Files) -> dict[str, Value]:
    """The flat forms of all files in one; a key of two or more files is `file:key` in each."""
    flats = {name: flatten(tree) for name, tree in files.items()}
    count = Counter(chain.from_iterable(flats.values()))
    together: dict[str, Value] = {}
    for name, flat in flats.items():
        for key, value in flat.items():
            unique = key if count[key] == 1 else f"{name}:{key}"
            together[unique] = value
    return together


def resolve(tree: Value, key: Key) -> Key:
    """`key` with digits that fall on a list made indexes: (`layers`, `0`) becomes (`layers`, 0)."""
    parts: list[str | int] = []
    for part in key:
        if isinstance(tree, list) and isinstance(part, str) and part.isascii() and part.isdigit():
            part = int(part[:9])
        parts.append(part)
        tree = child(tree, part)
    return tuple(parts)


def child(tree: Value, part: str | int) -> Value:
    """The value in a map or list under one part of a key, or MISSING."""
    if isinstance(tree, dict) and isinstance(part, str):
        return tree.get(part, MISSING)
    if isinstance(tree, list) and isinstance(part, int) and part < len(tree):
        return tree[part]
    return MISSING


def get(tree: Value, key: Key) -> Value:
    """The value under `key`, or MISSING."""
    for part in key:
        tree = child(tree, part)
    return tree


def put(tree: Value, key: Key, value: Value) -> Value:
    """A copy of `tree` with `value` under `key`, or without `key` where `value` is MISSING.

    Missing maps are made; a null counts as a missing map.
    """
    if not key:
        return value
    part, rest = key[0], key[1:]
    new = put(child(tree, part), rest, value)
    if isinstance(tree, list):
        assert isinstance(part, int)
        items = tree.copy()
        items[part : part + 1] = [new]
        if new is MISSING:
            del items[part]
        return items
    copy = dict(tree) if isinstance(tree, dict) else {}
    copy[part] = new
    if new is MISSING:
        del copy[part]
    return copy
