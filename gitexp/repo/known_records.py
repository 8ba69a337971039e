"""The experiments that were read before, kept in memory: a record commit never changes."""

from __future__ import annotations

from collections.abc import Iterable

from gitexp.model import Stored


class KnownRecords:
    """Experiments by ref and record commit. Several threads may ask at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Stored] = {}

    def get(self, ref: str, oid: str) -> Stored | None:
        """The experiment of a ref at a record commit; None if it was not read before."""
        return self._known.get((ref, oid))

    def add(self, found: Iterable[tuple[str, Stored]]) -> None:
        """Keep the experiments of some refs."""
        self._known.update(_by_commit(found))

    def keep_only(self, found: Iterable[tuple[str, Stored]]) -> None:
        """Keep the experiments of all refs, and forget others."""
        self._known = _by_commit(found)


def _by_commit(found: Iterable[tuple[str, Stored]]) -> dict[tuple[str, str], Stored]:
    return {(ref, one.id): one for ref, one in found}
