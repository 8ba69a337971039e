"""A folder of this machine, or of a disk that is mounted here, as a remote."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

from gitexp import errors
from gitexp.data.hashing import WORKERS, OnBytes, opened, write_all
from gitexp.data.intake import Intake
from gitexp.data.remote import CHEAPLY, Listed, Remote
from gitexp.data.remote_failures import not_there

_CHUNK = 1 << 20
_RANGE = 32 << 20
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


class FolderRemote(Remote):
    """See Remote; what is put there comes in as into the store of this machine."""

    jobs = WORKERS
    stale_after = CHEAPLY

    def __init__(self, name: str, url: str, folder: Path) -> None:
        super().__init__(name, url)
        self._root = folder
        self._lock = threading.Lock()
        self._opened: Intake | None = None

    def put(self, hash_: str, source: Path, on_bytes: OnBytes) -> None:
        with self._translated():
            intake = self._intake()
            target, temporary = intake.new()
            try:
                _copy(source, target, on_bytes)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
            finally:
                os.close(target)
            with self._lock:
                intake.put(temporary, str(self._path(hash_)))

    def _intake(self) -> Intake:
        with self._lock:
            if self._opened is None:
                self._opened = Intake(self._root).__enter__()
            return self._opened

    def flush(self) -> None:
        if self._opened is not None:
            with self._lock, self._translated():
                self._opened.flush()

    def close(self) -> None:
        if self._opened is not None:
            with self._translated():
                self._opened.__exit__(None, None, None)
            self._opened = None

    def get(self, hash_: str, target: Path, on_bytes: OnBytes) -> None:
        with self._translated(here=target):
            try:
                with target.open("wb", buffering=0) as writing:
                    _copy(self._path(hash_), writing.fileno(), on_bytes)
            except errors.UnstorableData:  # a pipe, a folder
                raise errors.NotOnRemote(f"{hash_[:8]} in the remote '{self.name}' is no file.") from None

    def renew(self, hash_: str) -> None:
        with self._translated():
            os.utime(self._path(hash_))

    def remove(self, hash_: str) -> None:
        with self._translated():
            self._path(hash_).unlink(missing_ok=True)

    def _path(self, hash_: str) -> Path:
        return self._root / hash_[:2] / hash_[2:]

    def _look_at(self, hash_: str) -> Listed | None:
        with self._translated():
            try:
                of = self._path(hash_).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            return Listed(hash_, of.st_size, of.st_mtime) if stat.S_ISREG(of.st_mode) else None

    def _folders(self) -> Collection[str]:
        with self._translated(), contextlib.suppress(FileNotFoundError):
            return os.listdir(self._root)
        return ()

    def _entries(self, folder: str) -> Collection[tuple[str, int, float]]:
        with self._translated():
            try:
                entries = os.scandir(self._root / folder)
            except (FileNotFoundError, NotADirectoryError):
                return ()
            with entries:
                found = [(entry.name, entry.stat()) for entry in entries if entry.is_file()]
        return [(name, of.st_size, of.st_mtime) for name, of in found]

    @contextlib.contextmanager
    def _translated(self, here: Path | None = None) -> Iterator[None]:
        """Turn what the system says into DataRemoteError; DiskFull if that is about `here`."""
        try:
            yield
        except FileNotFoundError as error:
            raise not_there(self.name) from error
        except OSError as error:
            if error.errno in _FULL and here is not None:
                raise errors.DiskFull("The disk is full.", f"Make room in {here.parent}.") from error
            raise errors.RemoteRefused(
                f"The remote '{self.name}' ({self._root}): {error.strerror or error}.",
                "Make room there." if error.errno in _FULL else "Check the folder and its permissions.",
            ) from error


def _copy(source: Path, target: int, on_bytes: OnBytes) -> None:
    """Copy a regular file to a descriptor, inside the system where it can."""
    with opened(source) as reading:
        left = os.fstat(reading).st_size
        while left > 0 and (count := _copy_range(reading, target)):
            left -= count
            on_bytes(count)
        # What the system would not copy, and what has come meanwhile.
        while chunk := os.read(reading, _CHUNK):
            write_all(target, chunk)
            on_bytes(len(chunk))


def _copy_range(reading: int, writing: int) -> int:
    """Copy some bytes without reading them, where file systems share blocks even without copying them."""
    if not hasattr(os, "copy_file_range"):
        return 0
    try:
        return os.copy_file_range(reading, writing, _RANGE)
    except OSError as error:
        if error.errno in _FULL:
            raise
        return 0  # not between these file systems: the other way says what else is wrong
