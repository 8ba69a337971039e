"""A cache of file hashes, valid while the stat of a file stays the same.

It is an SQLite file, for this machine only, and safe to delete at any time. A cache that is damaged, locked
or on a full disk costs time and nothing else.

SQLite opens files by their paths. So each of its files must be a plain file without another name, else all
are removed first. A journal that names a second one is no work of gitexp's: SQLite would delete the file of
that name.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import threading
from pathlib import Path
from typing import Any

from gitexp import nofollow
from gitexp.objects.hashing import Read
from gitexp.objects.manifest import is_hash
from gitexp.objects.workspace_files import umask
from gitexp.regex import regex

_VERSION = 1
_TABLE = """CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER, mtime INTEGER, ctime INTEGER, inode INTEGER, hash TEXT
) WITHOUT ROWID"""
_JOURNAL = "-journal"
_ENDINGS = ("", _JOURNAL, "-wal", "-shm")
_SECOND_JOURNAL = bytes.fromhex("d9d505f920a163d7")  # ends a journal that names another one
_WAIT = 0.2  # seconds for another process that writes: hashing may be quicker than waiting
_PATIENT = 5.0  # seconds, when new hashes are to be written
_MANY = 10_000
_PROC = Path("/proc")
# A line of /proc/PID/maps for a mapping that is shared and writable: addresses, modes, offset, device, inode.
_SHARED = regex(rb"^[0-9a-f]+-[0-9a-f]+ .w.s [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ ([1-9][0-9]*) ", re.MULTILINE)

_Row = tuple[int, int, int, int, str]


class StatCache:
    """The cache in a file: a context manager that writes new hashes at its end.

    Threads may share an object, and processes a file.
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

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._write()
            if self._database is not None:
                self._database.close()
                self._database = None

    def get(self, path: str, of: os.stat_result) -> str | None:
        """The hash of the file at an absolute path; None if the file was not hashed with this stat."""
        key = os.fsencode(path)
        with self._lock:
            row = self._new[key] if key in self._new else self._row(key)
        return _hash_in(row, of)

    def below(self, folder: str) -> Known:
        """The known hashes of all files below a folder: one question is quicker than many."""
        start = os.fsencode(os.path.join(folder, ""))  # with a separator at its end
        end = start[:-1] + bytes((start[-1] + 1,))
        query = "SELECT path, size, mtime, ctime, inode, hash FROM files WHERE path > ? AND path < ?"
        with self._lock:
            rows: dict[bytes, _Row | None] = {row[0]: row[1:] for row in self._ask(query, start, end)}
            rows.update((key, row) for key, row in self._new.items() if key.startswith(start))
        return Known(rows)

    def put(self, path: str, read: Read) -> None:
        """Remember the hash of the file at an absolute path, if its stat will show every later change."""
        row: _Row | None = None
        if read.settled:
            of = read.stat
            row = (of.st_size, of.st_mtime_ns, of.st_ctime_ns, _signed(of.st_ino), read.hash)
        with self._lock:
            self._new[os.fsencode(path)] = row
            if len(self._new) >= _MANY:
                self._write()

    def forget(self, paths: list[bytes]) -> None:
        """Drop the hashes of paths without a file."""
        with self._lock:
            self._new.update(dict.fromkeys(paths))

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connected()
        except sqlite3.OperationalError:  # locked, or no place to write
            raise
        except sqlite3.DatabaseError:  # no database, or a damaged one
            return self._made_anew()

    def _is_ours(self) -> bool:
        """Whether SQLite may open its files: those that there are."""
        name = self._path.name
        with nofollow.opened(self._path.parent) as folder:
            for ending in _ENDINGS:
                # Not opened: to close the database would end this process's other locks on it.
                with contextlib.suppress(FileNotFoundError):
                    if not nofollow.is_plain(folder.stat(name + ending)):
                        return False
            try:
                journal = folder.open(name + _JOURNAL)
            except FileNotFoundError:
                return True
        with open(journal, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - len(_SECOND_JOURNAL)))
            return file.read() != _SECOND_JOURNAL

    def _connected(self) -> sqlite3.Connection:
        if not self._is_ours():
            self._remove()
        database = sqlite3.connect(self._path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA trusted_schema = OFF")
            # Files lost in a power cut are read again; the journal keeps the database whole.
            database.execute("PRAGMA synchronous = NORMAL")
            if database.execute("PRAGMA user_version").fetchone() != (_VERSION,):
                database.executescript(
                    f"BEGIN IMMEDIATE; DROP TABLE IF EXISTS files; {_TABLE};"
                    f"PRAGMA user_version = {_VERSION}; COMMIT;"
                )
                # SQLite gives nobody else a right to write, whatever the umask says.
                os.chmod(self._path, 0o666 & ~umask())
        except BaseException:
            database.close()
            raise
        return database

    def _made_anew(self) -> sqlite3.Connection:
        self._remove()
        return self._connected()

    def _remove(self) -> None:
        for ending in _ENDINGS:
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)

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
        gone, known = list[tuple[bytes]](), list[tuple[Any, ...]]()
        mapped = set[int]()
        if any(new.values()):
            mapped = _mapped_for_writing()
        for key, row in new.items():
            if row is None or row[3] in mapped:
                gone.append((key,))
            else:
                known.append((key, *row))
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
    """The known hashes of the files below a folder; see `StatCache.below`."""

    def __init__(self, rows: dict[bytes, _Row | None]) -> None:
        self._rows = rows

    def take(self, path: str, of: os.stat_result) -> str | None:
        """The hash as from `StatCache.get`, once: the path counts as taken."""
        return _hash_in(self._rows.pop(os.fsencode(path), None), of)

    @property
    def untaken(self) -> list[bytes]:
        """The keys of the paths that nobody has asked for."""
        return [key for key, row in self._rows.items() if row is not None]


def _mapped_for_writing() -> set[int]:
    """The inodes of files that living processes write through mmap, as in a row.

    Such a write changes the time stamps once, and then perhaps not for half a minute.
    """
    inodes = set()
    for maps in _PROC.glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):  # of another user's process, or of one that has ended
            for found in _SHARED.finditer(maps.read_bytes()):
                inodes.add(_signed(int(found[1])))
    return inodes


def _hash_in(row: _Row | None, of: os.stat_result) -> str | None:
    if row is None or row[:4] != (of.st_size, of.st_mtime_ns, of.st_ctime_ns, _signed(of.st_ino)):
        return None
    return row[4] if isinstance(row[4], str) and is_hash(row[4]) else None


def _signed(number: int) -> int:
    """An inode number as SQLite stores it: 64 bits with a sign."""
    return number - (1 << 64) if number >= 1 << 63 else number
