"""One door for every format: the ending of a file chooses its reader and its editor in `gitexp.plugins`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from gitexp import plugins
from gitexp.errors import OverrideError, ParseError, UsageError
from gitexp.files.keys import Key, format_key
from gitexp.files.limits import BOM, check_tree, decode
from gitexp.files.parsed import Parsed, within_limits
from gitexp.files.scalars import same
from gitexp.files.unreadable import Unreadable
from gitexp.model import Tree, Value

_DONE = {"reader": "read", "editor": "edited in place"}  # what a plugin of the kind does with a file


def parse(name: str, data: bytes) -> dict[str, Value]:
    """The tree of a params file: .yaml, .yml, .json, .toml or .py; {} for an empty file.

    The values are str, int, float, bool, None, lists and dicts with str keys. Raises ParseError, with line
    and column where known, for a broken file, a file without a map, or one over the limits.
    """
    tree = parse_leniently(name, data)
    check_tree(name, tree)
    return tree


def parse_leniently(name: str, data: bytes) -> dict[str, Value]:
    """The same, with Unreadable for an unreadable value, and with more values than a record has.

    Raises ParseError.
    """
    tree = read(name, decode(name, data))
    if tree is None:
        return {}
    if isinstance(tree, dict):
        return tree
    if isinstance(tree, Unreadable):
        raise ParseError(tree.why, file=name, line=tree.line, column=tree.column)
    raise ParseError("the top of this file must be a mapping of names to values", file=name)


def parse_params(name: str, data: bytes) -> Parsed:
    """The recordable values of a params file, and a complaint about each other value.

    Raises ParseError for a wholly unreadable file.
    """
    return within_limits(name, parse_leniently(name, data))


def read(name: str, text: str) -> Value:
    """The value of a text in the format of the file's ending, of any type; None for no value.

    Raises ParseError. The caller checks the limits on size.
    """
    return _plugin("reader", name)(name, text)


def edit(name: str, data: bytes, key: Key, value: Value) -> tuple[bytes, Tree]:
    """The file with `value` under `key` (without `key` if MISSING), all else as before, and its new tree.

    Raises ParseError rather than return a file with any other change.
    """
    text, wanted = _plugin("editor", name)(name, decode(name, data), key, value)
    new: bytes = text.encode("utf-8")
    if data.startswith(BOM):
        new = BOM + new
    try:
        tree = parse_leniently(name, new)
    except ParseError:
        tree = None
    if tree is None or not same(tree, wanted):
        raise ParseError("this file could not be edited in place", "change it with an editor", file=name)
    return new, tree


def require_settable(name: str, data: bytes, key: Key) -> None:
    """Raise OverrideError for a key whose value only a run of the file would tell, in a Python file."""
    ending = PurePosixPath(name).suffix.lower()
    if ending not in plugins.names("computed"):
        return
    line = plugins.load("computed", ending)(name, decode(name, data), key)
    if line is not None:
        raise OverrideError(
            f"`{format_key(key)}` cannot be set: line {line} of {name} computes it.",
            "Only plain values can be set: numbers, texts, lists and the like, as in LR = 0.1.",
        )


def _plugin(kind: str, name: str) -> Callable[..., Any]:
    """What reads or edits a file of this name, imported now: yaml, ast and tomlkit are dear to import."""
    ending = PurePosixPath(name).suffix.lower()
    try:
        found: Callable[..., Any] = plugins.load(kind, ending)
    except UsageError:
        known = ", ".join(plugins.names(kind))
        raise ParseError(f"only {known} files can be {_DONE[kind]}", file=name) from None
    return found
