"""Services of file systems: sharing of bytes between files, flushing, advice about placement and memory."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gitexp import errors
from gitexp.nofollow import Folder

if sys.platform != "win32":
    import fcntl

COPIES = ("reflink", "copy")  # how files come into a workspace that may be edited, or stand in Git too

_FICLONE = 0x40049409  # of linux/fs.h: Btrfs, XFS, bcachefs, OCFS2, NFS 4.2, ZFS from 2.2 on
_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602  # of linux/fs.h too
_TOP = 0x00020000  # the attribute T of chattr(1)
_CANNOT = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM)


def reflink(source: int, target: int) -> bool:
    """Make the open file `target` share the content of `source`. False if the file system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in _CANNOT:
            return False
        raise
    return True


def hardlink(name: str, folder: Folder, target: str) -> bool:
    """Make `target` another name of a file in an open folder. False if the file system cannot."""
    try:
        if folder.fd is None:
            os.link(folder.at(name), target)
        else:
            os.link(name, target, src_dir_fd=folder.fd, follow_symlinks=False)
    except OSError as error:
        if error.errno in (*_CANNOT, errno.EMLINK):
            return False
        raise
    return True


def is_writable(path: str) -> bool:
    """Whether this user may write to a file. The mode does not hinder root, nor counts on some mounts."""
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def keep_apart(folder: Path) -> None:
    """Ask the file system to spread the subfolders of a folder over the disk.

    ext4 puts a new file near its folder, and searches long for a free inode if thousands of files were
    deleted there in the last minutes: 0.3 ms for each new file. In another part of the disk it finds one at
    once.
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
    """Wait until the content of files, and the names in folders, are on the disk.

    Many paths must be on one file system. If the system can do so, all of it is flushed at once: 0.1 s for
    ten thousand files instead of 20 s.
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
    """Flush the file system of a path with syncfs(2). False except on Linux."""
    if sys.platform != "linux":
        return False
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
    """Drop the cached pages of a file, read or written from `before` to `now` (bytes), behind that window.

    For pages that are not on the disk yet, writing begins; the next call drops them.
    """
    if now // _WINDOW == before // _WINDOW or not hasattr(os, "posix_fadvise"):
        return
    start = max(0, now - 3 * _WINDOW)
    with suppress(OSError):  # it is only advice
        os.posix_fadvise(fd, start, now - start, os.POSIX_FADV_DONTNEED)


_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise OSErrors of the block as DiskFull or StorageError. `what` begins with "could not"."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise errors.DiskFull(f"The disk is full: {what}.", "Free some space and run again.") from error
        where = ""
        if isinstance(error.filename, str | bytes):
            where = f" ({os.fsdecode(error.filename)})"
        raise errors.StorageError(
            f"{what[:1].upper()}{what[1:]}: {error.strerror or error}{where}.",
            "Put that right, then run the command again.",
        ) from error
