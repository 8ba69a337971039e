"""Locks on files; a lock dies with its process."""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path

from gitexp import errors, nofollow

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_STALE_AFTER = 24 * 3600.0  # seconds; temporary files are in use for seconds, not for a day
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # another process has the lock
_LOCK_WAIT = 30.0  # seconds; these locks are held for milliseconds


class FileLock:
    """A lock, held until `release` or until the process dies."""

    def __init__(self, fd: int) -> None:
        self.fd = fd  # a process that inherits it holds the lock too

    def release(self) -> None:
        # The file stays: deleting it would let two processes lock two files of one name.
        os.close(self.fd)


def try_lock(path: Path) -> FileLock | None:
    """The lock on the file at `path`, made if need be; None while somebody else holds the lock.

    Raises StorageError on a file system without locks, FileNotFoundError for a missing folder, NotPlain for
    a link in place of the file or its folder.
    """
    with nofollow.opened(path.parent.parent, path.parent.name) as folder:
        fd = folder.open(path.name, os.O_RDWR | os.O_CREAT)  # the holder may write into the file
    try:
        if sys.platform == "win32":
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if error.errno in _HELD:
            return None
        raise errors.StorageError(
            f"{path.parent} is on a file system without locks: {error.strerror}.",
            "Keep the repository on another disk, or mount this one with locks (Lustre: -o flock).",
        ) from error
    return FileLock(fd)


def wait_lock(path: Path) -> FileLock:
    """The lock on the file at `path`, after its present holder; raises WorkspaceBusy after 30 seconds."""
    deadline = time.monotonic() + _LOCK_WAIT
    while (held := try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise errors.WorkspaceBusy(
                f"Another gitexp process has held the lock '{path.name}' for too long.",
                "Wait for it to end, or end it, then try again.",
            )
        time.sleep(0.01)
    return held


def is_stale(path: Path) -> bool:
    """Whether a file or folder is too old to be in use by a living process."""
    try:
        return time.time() - path.lstat().st_mtime > _STALE_AFTER
    except OSError:
        return False


def is_abandoned(folder: Path, lock: str) -> bool:
    """Whether a folder is too old to be in use, and nobody holds the file `lock` in it.

    The age alone does not tell: a clock may have jumped. It does on a file system without locks.
    """
    if not is_stale(folder) or folder.is_symlink() or not (folder / lock).exists():
        return is_stale(folder)
    try:
        held = try_lock(folder / lock)
    except (OSError, errors.StorageError):
        return True
    if held is not None:
        held.release()
    return held is not None
