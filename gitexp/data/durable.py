"""What has been written, made to stay through a power cut: many files at the price of one."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection

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
