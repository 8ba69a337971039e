"""Importers for tools with all runs in SQLite files."""

from __future__ import annotations

import sqlite3
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from gitexp import errors
from gitexp.extras.integrations.importers import sqlite_file
from gitexp.extras.integrations.importers.foreign import Importer, Read, Unread


class SqliteImporter(Importer):
    """The reader of a tool's SQLite files.

    Attributes:
        needs: names of tables that no other tool has together.
    """

    needs: frozenset[str]

    def finds(self, place: Path) -> bool:
        """Whether the place has a file of the tool's."""
        return bool(sqlite_file.files_with(self.needs, place, []))

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs of all files."""
        unread: list[Unread] = []
        files = sqlite_file.files_with(self.needs, place, unread)
        yield from unread
        if not files and not unread:
            raise errors.UsageError(f"{place} has no file of {self.title}'s.", f"Give {self.looks_for}.")
        for file in files:
            try:
                with closing(sqlite_file.open_to_read(file)) as base:
                    yield from self.runs(file, base)
            except sqlite3.Error as error:
                yield Unread(str(file), str(error))

    @abstractmethod
    def runs(self, file: Path, base: sqlite3.Connection) -> Iterator[Read]:
        """Yield the runs of a file, which is open as `base`. Raises sqlite3.Error."""
