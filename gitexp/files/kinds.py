"""The types of values, as a script sees them, and what is said when an override changes a type.

A date and a number of base 60 (`1:30` in YAML) are text to gitexp, and something else to the script.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from gitexp import plugins
from gitexp.files.keys import Key, format_key
from gitexp.files.limits import decode
from gitexp.files.parse import parse_leniently
from gitexp.files.scalars import is_number
from gitexp.files.unreadable import Unreadable
from gitexp.model import Value
from gitexp.words import cut

_SHOWN = 60  # characters of a value in a sentence


def hidden_kinds(name: str, data: bytes) -> dict[Key, str]:
    """What a script sees in place of text, by key: "date", "time" and the like. Raises ParseError."""
    ending = PurePosixPath(name).suffix.lower()
    if ending not in plugins.names("kinds"):
        return {}
    found: dict[Key, str] = plugins.load("kinds", ending)(name, decode(name, data))
    return found


def changed_types(name: str, before: bytes, after: bytes) -> list[str]:
    """A sentence for each value of a params file with a changed type, perhaps a mistake."""
    old = _Typed(parse_leniently(name, before), hidden_kinds(name, before))
    new = _Typed(parse_leniently(name, after), hidden_kinds(name, after))
    return list(_changes((), old.tree, new.tree, old, new))


def changed_types_of_values(before: Value, after: Value) -> list[str]:
    """The same for two trees without a file, like the options of a command."""
    return list(_changes((), before, after, _Typed(before, {}), _Typed(after, {})))


class _Typed:
    """A tree, and the types of its values."""

    def __init__(self, tree: Value, hidden: Mapping[Key, str]) -> None:
        self.tree = tree
        self._hidden = hidden

    def kind(self, key: Key, value: Value) -> str:
        """The type of the value under a key, as a word."""
        if isinstance(value, str):
            return self._hidden.get(key, "text")
        if isinstance(value, bool):
            return "truth value"
        if is_number(value):
            return "number"
        if isinstance(value, Unreadable):
            return "unreadable"
        for type_, word in ((dict, "map"), (list, "list")):
            if isinstance(value, type_):
                return word
        return "null"

    def item_kinds(self, key: Key, items: list[Value]) -> dict[str, None]:
        """The types of a list's items, each once."""
        return dict.fromkeys(self.kind((*key, at), item) for at, item in enumerate(items))

    def shown(self, key: Key, value: Value) -> str:
        """A value with its type: `the number 3`, `true`, `a map`."""
        kind = self.kind(key, value)
        if kind in ("truth value", "null"):
            return str(value).lower().replace("none", "null")
        if kind == "map":
            return "a map"
        if kind == "unreadable":
            return "a value that gitexp cannot read"
        text = str(value)
        if kind == "text":
            text = repr(value)
        return f"the {kind} {cut(text, _SHOWN)}"


def _changes(key: Key, old: Value, new: Value, before: _Typed, after: _Typed) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for part in old:
            if part in new:
                yield from _changes((*key, part), old[part], new[part], before, after)
        return
    if isinstance(old, list) and isinstance(new, list):
        yield from _changes_of_items(key, old, new, before, after)
        return
    was, now = before.kind(key, old), after.kind(key, new)
    if was == now or (was == "null" and now == "map"):  # a null counts as a map without keys
        return
    sentence = f"{format_key(key)} was {before.shown(key, old)}, now it is {after.shown(key, new)}"
    if was == "number" and isinstance(new, str) and "," in new:
        sentence += "; without the quotes, several values are several runs"
    yield sentence


def _plural(kinds: Iterable[str]) -> str:
    return " and ".join(f"{kind}s" for kind in kinds)


def _changes_of_items(
    key: Key, old: list[Value], new: list[Value], before: _Typed, after: _Typed
) -> Iterator[str]:
    was, now = before.item_kinds(key, old), after.item_kinds(key, new)
    if was and not now.keys() <= was.keys():
        yield f"{format_key(key)} was a list of {_plural(was)}, now it is a list of {_plural(now)}"
        return
    for at, (one, other) in enumerate(zip(old, new, strict=False)):
        if isinstance(one, dict | list):
            yield from _changes((*key, at), one, other, before, after)
