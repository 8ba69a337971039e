"""The project's gitexp.lock on disk: read, and rewritten whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.files.limits import read_limited
from gitexp.pipeline.lock import MAX_BYTES, Lock, check_lock, read_lock, write_lock
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

    An equal lock is not written. Raises LockError, also if the new lock could not be read again;
    StorageError.
    """
    with local.lock(_GUARD):
        before = read(root, config)
        after = new(before)
        if after != before:
            check_lock(path_of(config), after, config.folder)
            text = write_lock(after, config.folder)
            failpoint("lock:made")
            original = content(root / path_of(config), path_of(config))
            whole_file.write(root, path_of(config), text, local, original=original)
            failpoint("lock:written")
    return after
