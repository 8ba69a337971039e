"""What gitexp keeps on this machine only, in `<git-common-dir>/gitexp/`: nearly all safe to lose.

tmp/          private indexes while they are in use
locks/        files that are locked while somebody holds them; the lock dies with its process
runs/<token>/ a live run, see gitexp.repo.live
worktrees/    isolated workspaces, reused from run to run
left/<name>/  what an isolated run left behind undeclared: not safe to lose, and never removed by us
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gitexp import errors
from gitexp.repo.git import Repository

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_STALE_AFTER = 24 * 3600.0  # seconds; what is here is in use for seconds, not for a day
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # how systems say: somebody has it
_LOCK_WAIT = 30.0  # seconds; a lock that is waited for is held for milliseconds


class LocalState:
    """The folder of one repository, shared by its worktrees."""

    def __init__(self, repo: Repository) -> None:
        self.root = repo.common_dir / "gitexp"
        self.runs = self.root / "runs"
        self.worktrees = self.root / "worktrees"

    def prepare(self) -> None:
        """Make the folder; raises ReadOnlyRepository if that is not possible."""
        self._make(self.runs, self.worktrees, self.root / "tmp", self.root / "locks")

    def _make(self, *folders: Path) -> None:
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self.root, os.W_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise errors.ReadOnlyRepository(
                f"Cannot write in {self.root}: {error.strerror}.",
                "Check the permissions of the repository's .git folder.",
            ) from error

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a folder of one's own for as long as the block lasts."""
        self.prepare()
        tmp = self.root / "tmp"
        for old in tmp.iterdir():
            if is_stale(old):
                shutil.rmtree(old, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=tmp))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock `name`, waiting for whoever has it; raises WorkspaceBusy after 30 seconds."""
        held = wait_lock(self._lock_file(name))
        try:
            yield
        finally:
            held.release()

    def try_lock(self, name: str) -> Lock | None:
        """Take the lock `name` and return it, or None if another process holds it."""
        return try_lock(self._lock_file(name))

    def _lock_file(self, name: str) -> Path:
        folder = self.root / "locks"
        self._make(folder)
        return folder / name


class Lock:
    """A lock that is held until `release`, or until the process dies."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        # The file stays: deleting it would let two processes lock two files of one name.
        os.close(self._fd)


def try_lock(path: Path) -> Lock | None:
    """Lock the file at `path`, made if it is not there; None if somebody else holds it.

    Raises StorageError where there are no locks to be had, FileNotFoundError if the folder is gone.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
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
    return Lock(fd)


def wait_lock(path: Path) -> Lock:
    """Lock the file at `path`, waiting for whoever has it; raises WorkspaceBusy after 30 seconds."""
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
    """Return whether nobody has touched a file or folder for so long that its process must be gone."""
    try:
        return time.time() - path.stat().st_mtime > _STALE_AFTER
    except OSError:
        return False
