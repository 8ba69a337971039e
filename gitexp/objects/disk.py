"""What file systems can do beside writing bytes: share them between files, and keep folders apart."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gitexp import errors

if sys.platform != "win32":
    import fcntl

COPIES = ("reflink", "copy")  # how files come into a workspace that may be edited, or stand in Git too

_FICLONE = 0x40049409  # of linux/fs.h: Btrfs, XFS, bcachefs, OCFS2, NFS 4.2, ZFS from 2.2 on
_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602  # of linux/fs.h too
_TOP = 0x00020000  # the attribute T of chattr(1)
_CANNOT = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM)


def reflink(source: int, target: int) -> bool:
    """Make the file open at `target` share the content of the other; False where that cannot be."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in _CANNOT:
            return False
        raise
    return True


def hardlink(source: str, target: str) -> bool:
    """Make `target` another name of the file `source`; False where that cannot be."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in (*_CANNOT, errno.EMLINK):
            return False
        raise
    return True


def keep_apart(folder: Path) -> None:
    """Ask that what is in the folders of a folder be put in different parts of the disk, where that can be.

    ext4 puts files near the folder that they are made in, and looks long for a free inode where thousands of
    files were deleted in the last minutes: 0.3 ms for each new file. Elsewhere it finds one at once.
    """
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            flags = int.from_bytes(fcntl.ioctl(fd, _GET_FLAGS, bytes(4)), sys.byteorder)
            fcntl.ioctl(fd, _SET_FLAGS, (flags | _TOP).to_bytes(4, sys.byteorder))
        finally:
            os.close(fd)


_FEW = 8  # files; one by one, these wait for nothing that others have written


def sync(paths: Collection[str]) -> None:
    """Return when the content of some files, and the names in some folders, are on the disk.

    Many must be on one file system, which is then flushed as a whole where the system can do that: for ten
    thousand files 0.1 s instead of 20 s.
    """
    if len(paths) > _FEW and _sync_file_system(next(iter(paths))):
        return
    for path in paths:
        _sync_one(path)


def _sync_one(path: str) -> None:
    if sys.platform == "win32" and os.path.isdir(path):
        return  # it opens no folders, and keeps their entries safe by itself
    fd = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _sync_file_system(path: str) -> bool:
    """Flush the file system of a path; return whether that could be done (syncfs(2), of Linux alone)."""
    if sys.platform != "linux":
        return False
    import ctypes

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    fd = os.open(path, os.O_RDONLY)
    try:
        return bool(syncfs(fd) == 0)
    finally:
        os.close(fd)


_WINDOW = 32 << 20  # bytes


def let_go(fd: int, before: int, now: int) -> None:
    """Have the system drop what it keeps of a file, read or written from `before` to `now`, behind that.

    What is not on the disk yet begins to be written, and is dropped next time.
    """
    if now // _WINDOW == before // _WINDOW or not hasattr(os, "posix_fadvise"):
        return
    start = max(0, now - 3 * _WINDOW)
    with suppress(OSError):  # it was advice
        os.posix_fadvise(fd, start, now - start, os.POSIX_FADV_DONTNEED)


_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise the system's errors in the block as DiskFull or StorageError: `what` is a "could not …"."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise errors.DiskFull(f"The disk is full: {what}.", "Free some space and run again.") from error
        where = f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, (str, bytes)) else ""
        raise errors.StorageError(
            f"{what[:1].upper()}{what[1:]}: {error.strerror or error}{where}.",
            "Put that right, then run the command again.",
        ) from error
