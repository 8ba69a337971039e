"""Locks on files; a lock dies with its process.

A lock is a flock where flock keeps everybody out: on the disks of this machine. On all others, and where
flock fails, it is a file (see `lock_files`). For all machines that use a folder must lock in the
same way: a machine may mount the disk without flock, and the server of the disk sees it as its own. So the
first lock that is a file leaves a mark in the folder, and from then on all locks in there are files.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from gitexp import errors, nofollow
from gitexp.process.git_processes import is_local
from gitexp.repo.git.locking import keeper, lock_files
from gitexp.repo.git.locking.lock_files import Held
from gitexp.repo.git.locking.lock_silence import SIGNS

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

SETTING = "gitexp.locks"  # of Git
_AUTO, _FLOCK, _FILES = "auto", "flock", "files"
_MARK = "locks-are-files"
_MARK_TEXT = b"A machine that uses this folder cannot use flock here: see docs/clusters.md of gitexp.\n"
_STALE_AFTER = 24 * 3600.0  # seconds; temporary files are in use for seconds, not for a day
_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # another process has the lock
_LOCK_WAIT = 30.0  # seconds; these locks are held for milliseconds
_LOCK_PAUSE, _LOCK_PAUSE_FILES = 0.01, 0.03  # seconds
_MARGIN = 1.5

_chosen: dict[Path, str] = {}  # by folder of gitexp: what the user's setting says
_trusted: dict[Path, bool] = {}  # by the same: whether flock keeps everybody out


class FileLock:
    """A lock, held until `release` or until the process dies.

    Attributes:
        fd: the locked file; its holder may write into it.
    """

    def __init__(self, fd: int, held: Held | None = None) -> None:
        self.fd = fd
        self._held = held

    @property
    def inherits(self) -> tuple[int, ...]:
        """The descriptors to be open in a child process that is to hold the lock too."""
        if os.name == "nt":
            return ()
        return (self.fd,) if self._held is None else (self._held.alive,)

    def release(self) -> None:
        # The file stays: deleting it would let two processes lock two files of one name.
        os.close(self.fd)
        if self._held is not None:
            self._held.release()


def follow(common_dir: Path, setting: str) -> None:
    """Lock the files of a repository as Git's setting `gitexp.locks` says. Raises RepositoryError."""
    if setting not in ("", _AUTO, _FLOCK, _FILES):
        raise errors.RepositoryError(
            f"Git's setting {SETTING} is '{setting}', and can be {_AUTO}, {_FLOCK} or {_FILES}.",
            f"git config {SETTING} {_AUTO}",
        )
    _chosen[common_dir / "gitexp"] = setting or _AUTO


def are_files(path: Path) -> bool:
    """Whether the lock on the file at `path` is a file, so that every machine can tell who holds it."""
    root = _root(path)
    chosen = _chosen.get(root, _AUTO)
    if os.name == "nt" or chosen == _FLOCK:
        return False
    if chosen == _FILES:
        return True
    return (root / _MARK).exists() or not _is_trusted(root)


def try_lock(path: Path) -> FileLock | None:
    """The lock on the file at `path`, made if need be; None while somebody else holds the lock.

    Raises StorageError if the lock cannot be had at all, FileNotFoundError for a missing folder, NotPlain for
    a link in place of the file or its folder.
    """
    if not are_files(path):
        fd = _opened(path)
        error = _flock(fd)
        if error is None:
            return FileLock(fd)
        os.close(fd)
        if error.errno in _BUSY:
            return None
        if os.name == "nt" or _chosen.get(_root(path)) == _FLOCK:
            raise errors.StorageError(
                f"{path.parent} is on a file system without locks: {error.strerror}.",
                f"Let gitexp do without: git config {SETTING} {_AUTO}",
            ) from error
    _leave_mark(_root(path))
    held = lock_files.take(path)
    if held is None:
        return None
    try:
        # Not before: a file opened earlier may be as another machine left it earlier.
        return FileLock(_opened(path), held)
    except BaseException:
        held.release()
        raise


def wait_lock(path: Path) -> FileLock:
    """The lock on the file at `path`, after its present holder; raises WorkspaceBusy after 30 seconds.

    For a lock that is a file it takes longer: until a holder on another machine would be known to be dead.
    """
    wait, pause = _LOCK_WAIT, _LOCK_PAUSE
    if are_files(path):
        wait, pause = max(_LOCK_WAIT, _MARGIN * SIGNS * keeper.interval()), _LOCK_PAUSE_FILES
    deadline = time.monotonic() + wait
    while (held := try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise errors.WorkspaceBusy(
                f"Another gitexp process has held the lock '{path.name}' for too long.",
                "Wait for it to end, or end it, then try again.",
            )
        time.sleep(pause)
    return held


def is_held(path: Path) -> bool:
    """Whether somebody holds a lock that is a file; False for every other lock."""
    return are_files(path) and lock_files.is_held(path)


def outlive(path: Path, pid: int) -> None:
    """Have a lock of this process held until one of its children ends, also if this process dies before.

    Only a lock that is a file can do that.
    """
    if (kept_by := keeper.present()) is not None:
        kept_by.outlive(lock_files.file_of(path), pid)


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


def _opened(path: Path) -> int:
    with nofollow.opened(path.parent.parent, path.parent.name) as folder:
        return folder.open(path.name, os.O_RDWR | os.O_CREAT)


def _flock(fd: int) -> OSError | None:
    """Lock an open file; the error if that cannot be."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error
    return None


def _root(path: Path) -> Path:
    """The folder of gitexp above a file that is locked."""
    for folder in path.parents:
        if folder.name == "gitexp":
            return folder
    return path.parent


def _is_trusted(root: Path) -> bool:
    """Whether flock in a folder keeps everybody out: no other machine writes there."""
    if root not in _trusted:
        _trusted[root] = sys.platform != "linux" or _is_on_own_disk(root)
    return _trusted[root]


def _is_on_own_disk(root: Path) -> bool:
    common_dir = root.parent  # the folder itself may not be there yet
    try:
        device = common_dir.stat().st_dev
    except OSError:
        return True
    # A block device has a major number, and a network disk has none; nor have some disks of this machine.
    return os.major(device) != 0 or is_local(common_dir)


def _leave_mark(root: Path) -> None:
    """Have all locks in a folder be files from now on, on all machines."""
    if not (root / _MARK).exists():
        with suppress(FileExistsError), nofollow.opened(root.parent, root.name) as folder:
            folder.make(_MARK, _MARK_TEXT)
