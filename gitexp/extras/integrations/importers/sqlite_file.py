"""SQLite files of other tools, opened without a write to the file or beside it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from urllib.parse import quote

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import Unread

_LONGEST = 64 * 1024 * 1024  # bytes of one value
_BEGINNING = b"SQLite format 3\0"
_ENDINGS = (".db", ".sqlite", ".sqlite3")


def open_to_read(file: Path) -> sqlite3.Connection:
    """A connection for reading alone. Raises sqlite3.Error.

    SQLite would make the missing log of a file in WAL mode anew; so a file without its log counts as
    immutable. See sqlite.org/wal.html and sqlite.org/uri.html.
    """
    as_it_is = _has_log(file) and not file.with_name(f"{file.name}-wal").exists()
    mode = "mode=ro&immutable=1" if as_it_is else "mode=ro"
    base = sqlite3.connect(f"file:{quote(str(file.resolve()))}?{mode}", uri=True)
    base.text_factory = _text
    base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    base.execute("PRAGMA trusted_schema = OFF")  # no functions of a hostile file
    return base


@contextlib.contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection for reading alone, closed at the end. Raises ParseError for each fault of the file."""
    try:
        with contextlib.closing(open_to_read(file)) as base:
            yield base
    except sqlite3.Error as error:
        raise errors.ParseError(
            f"it cannot be read: {error}.", "Copy it anew from where it was written.", file=str(file)
        ) from None


def _has_log(file: Path) -> bool:
    """Whether changes go into a write-ahead log: sqlite.org/fileformat.html, 1.3.3."""
    try:
        with file.open("rb") as begun:
            head = begun.read(20)
    except OSError:  # SQLite, which opens it next, says why
        return False
    return head[18:20] == b"\2\2"


def tables(file: Path) -> set[str]:
    """The names of the tables of a file; none for a file of another form. Raises OSError and ParseError."""
    folder_files.require_plain(file)
    with file.open("rb") as begun:
        if begun.read(len(_BEGINNING)) != _BEGINNING:
            return set()
    with opened(file) as base:
        return {row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def files_with(needed: AbstractSet[str], place: Path, unread: list[Unread]) -> list[Path]:
    """The file at a place, or those of a folder, that have some tables.

    Files of which nobody can tell are added to `unread`.
    """
    paths = [place]
    if place.is_dir():
        paths = [path for path in folder_files.entries_of(place, unread) if path.suffix in _ENDINGS]
    found = []
    for path in paths:
        try:
            if folder_files.is_there(path) and tables(path) >= needed:
                found.append(path)
        except (OSError, errors.ParseError) as error:
            unread.append(Unread(str(path), folder_files.reason(error)))
    return found


def columns(base: sqlite3.Connection, table: str) -> set[str]:
    """The names of the columns of a table."""
    return {row[1] for row in base.execute(f"PRAGMA table_info({table})")}


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")
