"""The flat params or metrics of a row, made of its files when somebody asks for one of them.

A table of a hundred thousand rows holds each of its values once, in the files of the records.
"""

from __future__ import annotations

from collections.abc import Collection, ItemsView, Iterator, KeysView, Mapping, Sequence
from typing import Any

from gitexp.files import flatten
from gitexp.files.keys import SCALARS, way
from gitexp.model import MISSING, Files, Flat, Value

_UNKNOWN = object()  # what only the flat form tells
_SIMPLE = SCALARS | {type(MISSING)}


class FlatValues(Mapping[str, Value]):
    """The values of some files by flat key. The `shared` keys have their file in front: `file:key`."""

    __slots__ = ("_files", "_flat", "_shared")

    def __init__(self, files: Files, shared: Collection[str]) -> None:
        self._files = files
        self._shared = shared
        self._flat: dict[str, Value] | None = None

    @property
    def tree(self) -> Any:
        """The values of the only file, whose keys are those of its maps; _UNKNOWN for several files."""
        if self._shared or len(self._files) != 1:
            return _UNKNOWN
        (tree,) = self._files.values()
        return tree

    @property
    def has_files(self) -> bool:
        """Whether keys may have their file in front."""
        return bool(self._shared)

    def flattened(self) -> dict[str, Value]:
        """The values in a new dict."""
        tree = self.tree
        if tree is not _UNKNOWN:  # like nearly all rows
            return flatten(tree)
        found: dict[str, Value] = {}
        for name, values in flat_files(self._files).items():
            for key, value in values.items():
                column = f"{name}:{key}" if key in self._shared else key
                found[column] = value
        return found

    def _values(self) -> dict[str, Value]:
        if self._flat is None:
            self._flat = self.flattened()
        return self._flat

    def __getitem__(self, key: str) -> Value:
        return self._values()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __contains__(self, key: object) -> bool:
        return key in self._values()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FlatValues) and self._files is other._files and self._shared == other._shared:
            return True  # of the same record, and nothing has to be flattened
        return Mapping.__eq__(self, other)

    def __repr__(self) -> str:
        return repr(self._values())

    # Those of `Mapping` look for each value by a call of their own.

    def get(self, key: str, default: Any = None) -> Any:
        return (self._flat or self._values()).get(key, default)

    def keys(self) -> KeysView[str]:
        return self._values().keys()

    def items(self) -> ItemsView[str, Value]:
        return self._values().items()


def values_under(key: str, tables: Sequence[Flat]) -> list[Any]:
    """The value of each table under a flat key, or MISSING. Nearly no table is made flat for that."""
    names = way(key)
    if not names:
        return [table.get(key, MISSING) for table in tables]
    found = [table.tree if isinstance(table, FlatValues) else _UNKNOWN for table in tables]
    for name in names:
        found = [_below(value, name) for value in found]
    if not _SIMPLE.issuperset(map(type, found)):
        for at, value in enumerate(found):
            if type(value) not in _SIMPLE:  # a list, say, or nothing that was reached
                found[at] = tables[at].get(key, MISSING)
    return found


def _below(tree: Any, name: str) -> Any:
    """The value of a name in a map, or MISSING, as of what is MISSING; _UNKNOWN of what is no map."""
    if isinstance(tree, dict):
        return tree.get(name, MISSING)
    return MISSING if tree is MISSING else _UNKNOWN


def flat_files(files: Files) -> dict[str, dict[str, Value]]:
    """The flat values of each file."""
    return {name: flatten(tree) for name, tree in files.items()}


def may_have_files(values: Flat) -> bool:
    """Whether keys of some values may have their file in front, `file:key`."""
    return not isinstance(values, FlatValues) or values.has_files


def plain(values: Flat) -> Flat:
    """The values in a dict, for JSON; nothing is kept of them."""
    return values.flattened() if isinstance(values, FlatValues) else values
