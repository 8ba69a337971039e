"""What file systems can do beside writing bytes: share them between files, and keep folders apart."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

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
