"""The flat params or metrics of a row, made of its files when somebody asks for one of them.

A table of a hundred thousand rows holds each of its values once, in the files of the records.
"""

from __future__ import annotations

from collections.abc import Collection, ItemsView, Iterator, KeysView, Mapping
from typing import Any

from gitexp.files import flatten
from gitexp.model import Files, Flat, Value


class FlatValues(Mapping[str, Value]):
    """The values of some files by flat key. The `shared` keys have their file in front: `file:key`."""

    __slots__ = ("_files", "_flat", "_shared")

    def __init__(self, files: Files, shared: Collection[str]) -> None:
        self._files = files
        self._shared = shared
        self._flat: dict[str, Value] | None = None

    def flattened(self) -> dict[str, Value]:
        """The values in a new dict."""
        files = flat_files(self._files)
        if len(files) == 1 and not self._shared:  # like nearly all rows
            return next(iter(files.values()))
        found: dict[str, Value] = {}
        for name, values in files.items():
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


def flat_files(files: Files) -> dict[str, dict[str, Value]]:
    """The flat values of each file."""
    return {name: flatten(tree) for name, tree in files.items()}


def plain(values: Flat) -> Flat:
    """The values in a dict, for JSON; nothing is kept of them."""
    return values.flattened() if isinstance(values, FlatValues) else values
