"""Hashes of files that have not been touched since they were read: a hash is remembered by the file's stat.

An SQLite file, for this machine only and safe to delete at any time. What is wrong with it (damaged, locked,
on a full disk) costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from gitexp.objects.hashing import Read
from gitexp.objects.manifest import is_hash

_VERSION = 1
_TABLE = """CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER, mtime INTEGER, ctime INTEGER, inode INTEGER, hash TEXT
) WITHOUT ROWID"""
_WAIT = 0.2  # seconds for another process that writes; to hash anew may be quicker than to wait
_PATIENT = 5.0  # seconds, at the end, when there is something to be remembered
_MANY = 10_000

_Row = tuple[int, int, int, int, str]


class StatCache:
    """The cache in one file. Use it as a context manager: what is new is written at the end.

    Several threads may use one, and several processes one file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._new: dict[bytes, _Row | None] = {}

    def __enter__(self) -> StatCache:
        with contextlib.suppress(sqlite3.Error, OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._database = self._opened()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with self._lock:
            self._write()
            if self._database is not None:
                self._database.close()
                self._database = None

    def get(self, path: str, of: os.stat_result) -> str | None:
        """Return the hash of the file at an absolute path if its stat is as it was when it was hashed."""
        key = os.fsencode(path)
        with self._lock:
            row = self._new[key] if key in self._new else self._row(key)
        return _hash_in(row, of)

    def below(self, folder: str) -> Known:
        """Return what is known of all files below a folder: many at once are quicker than one by one."""
        start = os.fsencode(os.path.join(folder, ""))  # with a separator at its end
        end = start[:-1] + bytes((start[-1] + 1,))
        query = "SELECT path, size, mtime, ctime, inode, hash FROM files WHERE path > ? AND path < ?"
        with self._lock:
            rows: dict[bytes, _Row | None] = {row[0]: row[1:] for row in self._ask(query, start, end)}
            rows.update((key, row) for key, row in self._new.items() if key.startswith(start))
        return Known(rows)

    def put(self, path: str, read: Read) -> None:
        """Remember the hash of the file at an absolute path, if every later change to it will show."""
        if read.settled:
            of = read.stat
            row = (of.st_size, of.st_mtime_ns, of.st_ctime_ns, _signed(of.st_ino), read.hash)
            with self._lock:
                self._new[os.fsencode(path)] = row
                if len(self._new) >= _MANY:
                    self._write()

    def forget(self, paths: list[bytes]) -> None:
        """Drop what is known of some paths, which are not there any more."""
        with self._lock:
            self._new.update(dict.fromkeys(paths))

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connected()
        except sqlite3.OperationalError:  # locked, or no place to write
            raise
        except sqlite3.DatabaseError:  # no database, or a damaged one
            return self._made_anew()

    def _connected(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
        try:
            # What a power cut takes is read again; that it tears nothing is seen to by the journal.
            database.execute("PRAGMA synchronous = NORMAL")
            if database.execute("PRAGMA user_version").fetchone() != (_VERSION,):
                database.executescript(
                    f"BEGIN IMMEDIATE; DROP TABLE IF EXISTS files; {_TABLE};"
                    f"PRAGMA user_version = {_VERSION}; COMMIT;"
                )
        except BaseException:
            database.close()
            raise
        return database

    def _made_anew(self) -> sqlite3.Connection:
        for ending in ("", "-journal", "-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        return self._connected()

    def _row(self, key: bytes) -> _Row | None:
        found = self._ask("SELECT size, mtime, ctime, inode, hash FROM files WHERE path = ?", key)
        return found[0] if found else None

    def _ask(self, query: str, *values: bytes) -> list[tuple[Any, ...]]:
        if self._database is None:
            return []
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.OperationalError:
            return []
        except sqlite3.DatabaseError:
            self._replace()
            return []

    def _replace(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None
        with contextlib.suppress(sqlite3.Error, OSError):
            self._database = self._made_anew()

    def _write(self) -> None:
        new, self._new = self._new, {}
        if self._database is None or not new:
            return
        gone = [(key,) for key, row in new.items() if row is None]
        known = [(key, *row) for key, row in new.items() if row is not None]
        try:
            self._database.execute(f"PRAGMA busy_timeout = {int(_PATIENT * 1000)}")
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("DELETE FROM files WHERE path = ?", gone)
            self._database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", known)
            self._database.execute("COMMIT")
        except sqlite3.OperationalError:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
        except sqlite3.DatabaseError:
            self._replace()


class Known:
    """What was known of the files below a folder; see `StatCache.below`."""

    def __init__(self, rows: dict[bytes, _Row | None]) -> None:
        self._rows = rows

    def take(self, path: str, of: os.stat_result) -> str | None:
        """Return the hash as `StatCache.get` does, once."""
        return _hash_in(self._rows.pop(os.fsencode(path), None), of)

    @property
    def untaken(self) -> list[bytes]:
        """The paths that nobody has asked for."""
        return [key for key, row in self._rows.items() if row is not None]


def _hash_in(row: _Row | None, of: os.stat_result) -> str | None:
    if row is None or row[:4] != (of.st_size, of.st_mtime_ns, of.st_ctime_ns, _signed(of.st_ino)):
        return None
    return row[4] if isinstance(row[4], str) and is_hash(row[4]) else None


def _signed(number: int) -> int:
    """Return an inode as SQLite has numbers: 64 bits with a sign."""
    return number - (1 << 64) if number >= 1 << 63 else number
