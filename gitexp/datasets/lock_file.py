"""The project's gitexp.lock on disk: read, and rewritten whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.files.limits import read_limited
from gitexp.pipeline.lock import MAX_BYTES, Lock, LockWriter, check_lock, read_lock
from gitexp.pipeline.paths import lock_path
from gitexp.project import whole_file
from gitexp.project.config import Config
from gitexp.repo.local import LocalState

_GUARD = "lock-file"  # so that of two processes, none undoes the changes of the other


def path_of(config: Config) -> str:
    """The path of a project's gitexp.lock, relative to the root."""
    return lock_path(config.folder)


def read(root: Path, config: Config) -> Lock:
    """The lock of the workspace at `root`; an empty one without the file. Raises LockError."""
    name = path_of(config)
    return read_lock(name, content(root / name, name) or b"", config.folder)


def content(file: Path, name: str) -> bytes | None:
    """The content of a lock, which messages call `name`; None without the file.

    Raises LockError for what is no file, like a link, and for an unreadable file.
    """
    if file.is_symlink():
        raise errors.LockError("it is a link, which gitexp does not follow", file=name)
    try:
        return read_limited(file, MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError as error:
        raise errors.LockError("it is a folder", file=name) from error
    except OSError as error:
        raise errors.LockError(f"cannot be read: {error.strerror}", file=name) from error


def change(root: Path, config: Config, local: LocalState, new: Callable[[Lock], Lock]) -> Lock:
    """Replace the lock of the workspace at `root` by `new(lock)`, and return the new lock.

    Raises the errors of `LockFile.change`.
    """
    return LockFile(root, config, local).change(new)


class LockFile:
    """The lock of the workspace at `root`, for many changes: a lock written here is not read again."""

    def __init__(self, root: Path, config: Config, local: LocalState) -> None:
        self._root = root
        self._config = config
        self._local = local
        self._writer = LockWriter(config.folder)
        self._written = b""
        self._lock = Lock()

    def change(self, new: Callable[[Lock], Lock]) -> Lock:
        """Replace the lock by `new(lock)`, and return the new lock.

        An equal lock is not written. Raises LockError, also if the new lock could not be read again;
        StorageError.
        """
        name = path_of(self._config)
        with self._local.lock(_GUARD):
            original = content(self._root / name, name)
            before = self._read(name, original or b"")
            after = new(before)
            if after != before or self._writer.text(after) != self._writer.text(before):  # 1 equals 1.0
                check_lock(name, after, self._config.folder)
                text = self._writer.text(after)
                failpoint("lock:made")
                whole_file.write(self._root, name, text, self._local, original=original)
                failpoint("lock:written")
                self._written, self._lock = text, after
        return after

    def _read(self, name: str, text: bytes) -> Lock:
        """The lock in a text."""
        if text == self._written:
            return self._lock
        return read_lock(name, text, self._config.folder)
