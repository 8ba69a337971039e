"""Stages that somebody has run already: found by their key in the locks of all experiments.

Every experiment carries its gitexp.lock, those that were pulled from colleagues too. So what is known is in
Git, and the SQLite file here is an index of it: by the id of each lock's blob, which never changes, so
that only new ones are read. It is for this machine only and safe to delete at any time.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from gitexp import errors
from gitexp.datasets import lock_file
from gitexp.pipeline.key import stage_key
from gitexp.pipeline.lock import Lock, LockedStage, read_lock
from gitexp.project.project import Project
from gitexp.repo.experiments import PREFIX, RUN_FOLDER, STAGE_LOGS

T = TypeVar("T")

_VERSION = 3  # whoever changes the tables, or what a key is, changes this
_TABLES = """
CREATE TABLE records (record TEXT, path TEXT, blob TEXT, PRIMARY KEY (record, path)) WITHOUT ROWID;
CREATE TABLE locks (blob TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE stages (key TEXT, blob TEXT, name TEXT, PRIMARY KEY (key, blob, name)) WITHOUT ROWID;
CREATE TABLE outs (hash TEXT, blob TEXT, PRIMARY KEY (hash, blob)) WITHOUT ROWID;
CREATE INDEX blobs ON records (blob);
"""
_WAIT = 2.0  # seconds for another process that writes
_MOST = 50  # experiments that have run the same stage and are worth a look
_MANY = 500  # names in one question


@dataclass(frozen=True, slots=True)
class Before:
    """A stage as an experiment has run it, or has restored it from another one: with what it printed
    there, if it ran there."""

    experiment: str
    stage: LockedStage
    log: bytes | None


def log_name(stage: str) -> str:
    """Return the name of the file that holds what a stage has printed."""
    return quote(stage, safe="@=+,") + ".log"


class StageCache:
    """The stages of a repository's experiments as they are when it is first asked."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._path = lock_file.path_of(project.config)
        self._database: Path | None = project.local.root / "stages.sqlite"
        self._records: dict[str, str] | None = None

    def find(self, name: str, key: str) -> list[Before]:
        """Return the runs of a stage that had this key: those with a log first, the newest before others."""
        return self._answer(lambda records: self._find(name, key, records))

    def knows(self, hash_: str) -> bool:
        """Return whether an experiment has this artifact: data, or what a run has made."""
        return self._answer(lambda records: self._is_known(hash_, records))

    def _answer(self, question: Callable[[Mapping[str, str]], T]) -> T:
        if self._records is None:
            self._records = _records(self._project)
        try:
            return question(self._records)
        except sqlite3.OperationalError:  # locked for long, or no place to write
            self._database = None
        except sqlite3.DatabaseError:  # damaged, or no database at all
            self._remove()
        return question(self._records)

    def _remove(self) -> None:
        assert self._database is not None  # what is in memory is not damaged
        for ending in ("", "-journal", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self._database.with_name(self._database.name + ending).unlink()

    def _is_known(self, hash_: str, records: Mapping[str, str]) -> bool:
        with _Index(self._database) as index:
            _learn(self._project, index, self._path, records)
            return any(record in records for record in index.with_out(hash_, self._path))

    def _find(self, name: str, key: str, records: Mapping[str, str]) -> list[Before]:
        with _Index(self._database) as index:
            _learn(self._project, index, self._path, records)
            runs = index.with_key(key, self._path)
        found = [(records[record], blob, stage) for record, blob, stage in runs if record in records]
        order = {experiment: place for place, experiment in enumerate(records.values())}
        found.sort(key=lambda each: (each[2] != name, order[each[0]]))
        return _read(self._project, self._path, found[:_MOST])


def _records(project: Project) -> dict[str, str]:
    """Return the experiments by the id of their record, the newest first."""
    fields = ("refname", "objectname", "creatordate:unix")
    try:
        refs = list(project.repo.refs(PREFIX, fields=fields))
    except errors.GitFailed:  # one of them is damaged: its commit cannot be asked for its date
        refs = [[*ref, b"0"] for ref in project.repo.refs(PREFIX, fields=fields[:2])]
    refs.sort(key=lambda ref: int(ref[2] or b"0"), reverse=True)
    return {oid.decode(): ref.decode("utf-8", "replace").removeprefix(PREFIX) for ref, oid, _ in refs}


def _learn(project: Project, index: _Index, path: str, records: Mapping[str, str]) -> None:
    """Read the locks of the experiments that the index does not know yet."""
    known = index.known_records(path)
    new = [record for record in records if record not in known]
    if not new:
        return
    blobs = project.repo.ids_of([f"{record}:{path}" for record in new])
    unread = index.unread({blob for blob in blobs if blob is not None})
    contents = project.repo.read_blobs(unread)
    with index.change():
        for blob, data in zip(unread, contents, strict=True):
            lock = _parsed(data or b"", project.config.folder)
            keys = [(stage_key(stage), name) for name, stage in lock.stages.items()]
            index.add_lock(blob, keys, [artifact.hash for artifact in lock.artifacts])
        index.add_records(path, list(zip(new, blobs, strict=True)))


def _parsed(data: bytes, folder: str) -> Lock:
    """Return a lock; an empty one for what was damaged or made up by somebody, which has nothing to give."""
    try:
        return read_lock("", data, folder)
    except errors.LockError:
        return Lock()


def _read(project: Project, path: str, found: Sequence[tuple[str, str, str]]) -> list[Before]:
    """Return what experiments, each with the blob of its lock and a stage in it, have of that stage."""
    logs = [f"{PREFIX}{name}:{RUN_FOLDER}/{STAGE_LOGS}/{log_name(stage)}" for name, _, stage in found]
    locks = list(dict.fromkeys(blob for _, blob, _ in found))
    answers = project.repo.read_blobs([*locks, *logs])
    contents = dict(zip(locks, answers, strict=False))
    before = []
    for (name, blob, stage), log in zip(found, answers[len(locks) :], strict=True):
        with contextlib.suppress(errors.LockError, KeyError):
            locked = read_lock(path, contents[blob] or b"", project.config.folder).stages[stage]
            before.append(Before(name, locked, log))
    return sorted(before, key=lambda each: each.log is None)


class _Index:
    """Which record has which lock, and which lock the runs of which keys: in a file, or in memory."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._database: sqlite3.Connection

    def __enter__(self) -> _Index:
        database = sqlite3.connect(self._path or ":memory:", timeout=_WAIT, isolation_level=None)
        try:
            database.execute("PRAGMA synchronous = NORMAL")
            if database.execute("PRAGMA user_version").fetchone() != (_VERSION,):
                drop = "".join(
                    f"DROP TABLE IF EXISTS {name};" for name in ("records", "locks", "stages", "outs")
                )
                database.executescript(
                    f"BEGIN IMMEDIATE; {drop} {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;"
                )
        except BaseException:
            database.close()
            raise
        self._database = database
        return self

    def __exit__(self, *error: object) -> None:
        self._database.close()

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """Write all of the block, or nothing."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def known_records(self, path: str) -> set[str]:
        rows = self._database.execute("SELECT record FROM records WHERE path = ?", (path,))
        return {record for (record,) in rows}

    def unread(self, blobs: set[str]) -> list[str]:
        """Return those of the locks whose stages are not in the index."""
        names = sorted(blobs)
        found: set[str] = set()
        for at in range(0, len(names), _MANY):
            some = names[at : at + _MANY]
            query = f"SELECT blob FROM locks WHERE blob IN ({','.join('?' * len(some))})"
            found.update(blob for (blob,) in self._database.execute(query, some))
        return [blob for blob in names if blob not in found]

    def add_lock(self, blob: str, stages: Sequence[tuple[str, str]], outs: Sequence[str]) -> None:
        self._database.execute("INSERT OR REPLACE INTO locks VALUES (?)", (blob,))
        rows = [(key, blob, name) for key, name in stages]
        self._database.executemany("INSERT OR REPLACE INTO stages VALUES (?, ?, ?)", rows)
        pairs = [(hash_, blob) for hash_ in outs]
        self._database.executemany("INSERT OR REPLACE INTO outs VALUES (?, ?)", pairs)

    def add_records(self, path: str, blobs: Sequence[tuple[str, str | None]]) -> None:
        rows = [(record, path, blob) for record, blob in blobs]
        self._database.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", rows)

    def with_out(self, hash_: str, path: str) -> list[str]:
        """Return the records whose lock has this artifact."""
        query = "SELECT record FROM outs JOIN records USING (blob) WHERE hash = ? AND path = ?"
        return [record for (record,) in self._database.execute(query, (hash_, path))]

    def with_key(self, key: str, path: str) -> list[tuple[str, str, str]]:
        """Return record, lock and name of each run of a stage that had this key."""
        query = "SELECT record, blob, name FROM stages JOIN records USING (blob) WHERE key = ? AND path = ?"
        return self._database.execute(query, (key, path)).fetchall()
