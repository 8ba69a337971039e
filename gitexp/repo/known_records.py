"""The experiments that were read before, kept in memory: a record commit never changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from gitexp.model import Stored

Place: TypeAlias = tuple[str, str]  # a ref, and the record commit at which it points


class KnownRecords:
    """Experiments by ref and record commit. Several threads may ask at once."""

    def __init__(self, known: Mapping[Place, Stored] | None = None) -> None:
        self._known: Mapping[Place, Stored] = known or {}

    def look_up(self, places: Sequence[Place]) -> list[Stored | None]:
        """The experiment at each place; None if it was not read before."""
        return list(map(self._known.get, places))

    def add(self, found: Iterable[tuple[str, Stored]]) -> None:
        """Keep the experiments of some refs."""
        self._known = {**self._known, **_by_place(found)}

    def keep_only(self, found: Sequence[tuple[str, Stored]]) -> None:
        """Keep the experiments of all refs, and forget others."""
        if len(found) != len(self._known):  # they are among the known ones
            self._known = _by_place(found)


def _by_place(found: Iterable[tuple[str, Stored]]) -> dict[Place, Stored]:
    return {(ref, one.id): one for ref, one in found}
