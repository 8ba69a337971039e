"""SQLite files of other tools, opened so that nothing is written: neither to them nor beside them."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote

_BEGINNING = b"SQLite format 3\0"


def open_to_read(file: Path) -> sqlite3.Connection:
    """A connection that only reads; raises sqlite3.Error.

    A file with a write-ahead log beside it is read with that log; without one, SQLite may take it as it is.
    """
    log = file.with_name(f"{file.name}-wal")
    mode = "mode=ro" if log.exists() else "mode=ro&immutable=1"
    base = sqlite3.connect(f"file:{quote(str(file.resolve()))}?{mode}", uri=True)
    base.text_factory = _text
    return base


def tables(file: Path) -> set[str]:
    """The names of the tables of a file; none for any other file."""
    try:
        with file.open("rb") as opened:
            if opened.read(len(_BEGINNING)) != _BEGINNING:
                return set()
        with contextlib.closing(open_to_read(file)) as base:
            return {row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except (OSError, sqlite3.Error):
        return set()


def columns(base: sqlite3.Connection, table: str) -> set[str]:
    """The names of the columns of a table."""
    return {row[1] for row in base.execute(f"PRAGMA table_info({table})")}


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")
