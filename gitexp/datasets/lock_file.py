"""The project's gitexp.lock on disk: read, and rewritten whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.pipeline.lock import Lock, check_lock, read_lock, write_lock
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
    if (root / name).is_symlink():
        raise errors.LockError("it is a link, which gitexp does not follow", file=name)
    if (root / name).is_dir():
        raise errors.LockError("it is a folder", file=name)
    data = b""
    try:
        if (root / name).is_file():
            data = (root / name).read_bytes()
    except OSError as error:
        raise errors.LockError(f"cannot be read: {error.strerror}", file=name) from error
    return read_lock(name, data, config.folder)


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
            path = root / path_of(config)
            original = path.read_bytes() if path.exists() else None
            whole_file.write(root, path_of(config), text, local, original=original)
            failpoint("lock:written")
    return after
