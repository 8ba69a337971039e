"""Servers as remotes, by the file systems of fsspec.

fsspec and its packages are extras: `kinds` imports this module for such a remote only.
Their errors become DataRemoteErrors: "data-remote-refused" if the next try would end in the same way,
else RemoteUnreachable; then the next call connects again.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import logging
import posixpath
import threading
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fsspec.callbacks import Callback

from gitexp import errors
from gitexp.objects.hashing import OnBytes
from gitexp.objects.remotes.failures import as_remote_error, needs_package, not_there
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.remotes.url import RemoteUrl
from gitexp.objects.store import StoredObject

PATIENCE = 60.0  # seconds without a byte
CONNECT = 15  # seconds
_PART = 8 << 20  # bytes; of an upload in parts. Each job has one in memory
_MOST_PARTS = 9000  # S3 takes 10,000
_MODIFIED = ("mtime", "LastModified", "last_modified", "modified", "updated")


class ServerRemote(DataRemote):
    """A remote in a file system of fsspec. Subclasses name its `package` and `class_name`."""

    jobs = 16
    package = ""
    class_name = ""

    def __init__(self, name: str, at: RemoteUrl) -> None:
        """Raises BackendMissing."""
        super().__init__(name, at.url)
        self._at = at
        self._base = self._path_of(at)
        self._class = _imported(name, at, self.package, self.class_name)
        self._lock = threading.Lock()
        self._connected: Any = None
        self._made: set[str] = set()  # folders

    @classmethod
    def _path_of(cls, at: RemoteUrl) -> str:
        """The beginning of all paths in the file system."""
        return f"{at.host}{at.path}"

    @abstractmethod
    def _arguments(self) -> Mapping[str, Any]:
        """The arguments of the class of the file system."""

    def _fs(self) -> Any:
        with self._lock:
            if self._connected is None:
                self._connected = self._opened()
            return self._connected

    def _opened(self) -> Any:
        return self._class(skip_instance_cache=True, **self._arguments())

    @contextlib.contextmanager
    def _translated(self, here: Path | None = None) -> Iterator[None]:
        """Raise errors of the block as DataRemoteError, or as DiskFull if the block writes to `here`."""
        try:
            yield
        except errors.GitexpError:
            raise
        except FileNotFoundError as error:
            raise not_there(self.name) from error
        except Exception as error:
            if here is not None and getattr(error, "errno", None) == errno.ENOSPC:
                raise errors.DiskFull("The disk is full.", f"Make room in {here.parent}.") from error
            translated = as_remote_error(self.name, self._at, error)
            if isinstance(translated, errors.RemoteUnreachable):
                self._disconnect()
            raise translated from error

    def _disconnect(self) -> None:
        with self._lock:
            self._connected = None
            self._made.clear()

    def close(self) -> None:
        self._disconnect()

    def put(self, hash_: str, source: Path, on_bytes: OnBytes) -> None:
        try:
            with self._translated():
                self._upload(source, self._path(hash_), on_bytes)
        except errors.NotOnRemote as error:
            raise errors.DataRemoteError(
                f"The remote '{self.name}' ({self.url}) has no such bucket or folder.",
                "Make it there first, or correct its URL.",
                code="data-remote-refused",
            ) from error

    def get(self, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        with self._translated(here=target):
            self._download(self._path(hash_), target, on_bytes)

    def remove(self, hash_: str) -> None:
        with self._translated(), contextlib.suppress(FileNotFoundError):
            self._fs().rm_file(self._path(hash_))

    def _upload(self, source: Path, path: str, on_bytes: OnBytes) -> None:
        """Upload an object to its place, for protocols that do so in one step."""
        # Whole mebibytes, which Google wants.
        part = max(_PART, -(-source.stat().st_size // _MOST_PARTS >> 20) << 20)
        self._fs().put_file(str(source), path, callback=callback(on_bytes), chunksize=part)

    def _download(self, path: str, target: Path, on_bytes: OnBytes) -> None:
        self._fs().get_file(path, str(target), callback=callback(on_bytes))

    def _path(self, hash_: str) -> str:
        return posixpath.join(self._base, hash_[:2], hash_[2:])

    def _look_at(self, hash_: str) -> StoredObject | None:
        try:
            with self._translated():
                found = self._fs().info(self._path(hash_))
        except errors.NotOnRemote:
            return None
        if found.get("type") != "file":
            return None
        return StoredObject(hash_, _size_of(found), _mtime_of(found))

    def _folders(self) -> Collection[str]:
        return [_name(entry) for entry in self._ls(self._base) if entry.get("type") == "directory"]

    def _entries(self, folder: str) -> Collection[tuple[str, int, float]]:
        entries = self._ls(posixpath.join(self._base, folder))
        return [(_name(e), _size_of(e), _mtime_of(e)) for e in entries if e.get("type") == "file"]

    def _ls(self, path: str) -> list[dict[str, Any]]:
        try:
            with self._translated():
                found: list[dict[str, Any]] = self._fs().ls(path, detail=True)
        except errors.NotOnRemote:
            return []
        return found


def _imported(name: str, at: RemoteUrl, package: str, class_name: str) -> Any:
    """A class of a package. The log of the package stays out of the terminal. Raises BackendMissing."""
    logging.getLogger(package.partition(".")[0]).addHandler(logging.NullHandler())
    try:
        return getattr(importlib.import_module(package), class_name)
    except ImportError as error:
        raise needs_package(name, at, package) from error


def callback(on_bytes: OnBytes) -> Any:
    """An `OnBytes` as a callback of fsspec."""
    seen = 0

    def told(size: int | None, value: int, **_: Any) -> None:
        nonlocal seen
        more, seen = value - seen, value
        if more:
            on_bytes(more)

    return Callback(hooks={"": told})


def _name(entry: Mapping[str, Any]) -> str:
    return posixpath.basename(str(entry.get("name", "")).rstrip("/"))


def _size_of(entry: Mapping[str, Any]) -> int:
    size = entry.get("size")
    return size if isinstance(size, int) else -1


def _mtime_of(entry: Mapping[str, Any]) -> float:
    """The time of an object, in seconds since 1970; 0 if unknown. Packages have several keys and types."""
    value = next((entry[key] for key in _MODIFIED if entry.get(key)), 0)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return 0
    if isinstance(value, datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        value = value.timestamp()
    return float(value) if isinstance(value, int | float) else 0
