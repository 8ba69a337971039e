"""The values of a params file that change because others are set: YAML has aliases and merge keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from gitexp.files.keys import Key, child, format_key, resolve
from gitexp.files.parse import parse_leniently
from gitexp.files.scalars import same
from gitexp.model import MISSING, Value

_ANCHOR, _ALIAS = b"&", b"*"


def also_changed(name: str, before: bytes, after: bytes, meant: Iterable[Key]) -> list[str]:
    """The keys of a YAML file with another value than before, though they are not among the `meant` keys."""
    if PurePosixPath(name).suffix.lower() not in (".yaml", ".yml"):
        return []
    if _ANCHOR not in before or _ALIAS not in before:
        return []
    old, new = parse_leniently(name, before), parse_leniently(name, after)
    own = {resolve(tree, key) for key in meant for tree in (old, new)}
    return [format_key(key) for key in _changed((), old, new, own)]


def _changed(key: Key, old: Value, new: Value, own: set[Key]) -> Iterator[Key]:
    """The keys of what differs, as deep as both sides have maps, or lists."""
    if key in own:
        return
    parts = dict.fromkeys((*_parts(old, new), *_parts(new, old)))
    if parts:
        for part in parts:
            yield from _changed((*key, part), child(old, part), child(new, part), own)
    elif not same(old, new):
        yield key


def _parts(value: Value, other: Value) -> list[str | int]:
    """The parts of the keys below a value; none if the other value is of another kind."""
    if isinstance(value, dict) and (isinstance(other, dict) or other is MISSING):
        return list(value)
    if isinstance(value, list) and (isinstance(other, list) or other is MISSING):
        return list(range(len(value)))
    return []
