"""The flat params or metrics of a row, made of its files when somebody asks for one of them.

A table of a hundred thousand rows holds each of its values once, in the files of the records.
"""

from __future__ import annotations

from collections.abc import Collection, ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence
from typing import Any

from gitexp.files import flatten
from gitexp.files.keys import SCALARS, way
from gitexp.model import MISSING, Files, Flat, Value

_UNKNOWN = object()  # what only the flat form tells


class FlatValues(Mapping[str, Value]):
    """The values of some files by flat key. The `shared` keys have their file in front: `file:key`."""

    __slots__ = ("_files", "_flat", "_shared")

    def __init__(self, files: Files, shared: Collection[str]) -> None:
        self._files = files
        self._shared = shared
        self._flat: dict[str, Value] | None = None

    def reached(self, names: Sequence[str]) -> Any:
        """The value in the maps of these names, or MISSING; _UNKNOWN if the flat form must tell."""
        if self._shared or len(self._files) != 1:
            return _UNKNOWN
        (value,) = self._files.values()
        for name in names:
            if not isinstance(value, dict):
                return _UNKNOWN
            value = value.get(name, MISSING)
            if value is MISSING:
                return MISSING
        if value.__class__ in SCALARS:
            return value
        return _UNKNOWN

    @property
    def has_files(self) -> bool:
        """Whether keys may have their file in front."""
        return bool(self._shared)

    def flattened(self) -> dict[str, Value]:
        """The values in a new dict."""
        if len(self._files) == 1 and not self._shared:  # like nearly all rows
            (tree,) = self._files.values()
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
        found = _UNKNOWN
        if self._flat is None and (names := way(key)):
            found = self.reached(names)
        if found is _UNKNOWN:
            return self._values().get(key, default)
        return default if found is MISSING else found

    def keys(self) -> KeysView[str]:
        return self._values().keys()

    def items(self) -> ItemsView[str, Value]:
        return self._values().items()


def values_under(key: str, tables: Iterable[Flat]) -> list[Any]:
    """The value of each table under a flat key, or MISSING. Nearly no table is flattened for that."""
    names = way(key)
    found = list[Any]()
    for table in tables:
        value = _UNKNOWN
        if names and isinstance(table, FlatValues):
            value = table.reached(names)
        if value is _UNKNOWN:
            value = table.get(key, MISSING)
        found.append(value)
    return found


def flat_files(files: Files) -> dict[str, dict[str, Value]]:
    """The flat values of each file."""
    return {name: flatten(tree) for name, tree in files.items()}


def may_have_files(values: Flat) -> bool:
    """Whether keys of some values may have their file in front, `file:key`."""
    return not isinstance(values, FlatValues) or values.has_files


def plain(values: Flat) -> Flat:
    """The values in a dict, for JSON; nothing is kept of them."""
    return values.flattened() if isinstance(values, FlatValues) else values
