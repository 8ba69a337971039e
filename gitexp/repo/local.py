"""What gitexp keeps on this machine only, in `<git-common-dir>/gitexp/`: all of it safe to lose.

tmp/         private indexes while they are in use
locks/       files that are locked while somebody holds them; the lock dies with its process
runs/<name>/ a live run: state.json and output.log
worktrees/   isolated workspaces, reused from run to run
"""

from __future__ import annotations

import contextlib
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

_STALE_AFTER = 24 * 3600.0  # seconds; a private index is in use for seconds, not for a day
_LOCK_WAIT = 30.0  # seconds; a lock that is waited for is held for milliseconds


class LocalState:
    """The folder of one repository, shared by its worktrees."""

    def __init__(self, repo: Repository) -> None:
        self.root = repo.common_dir / "gitexp"
        self.runs = self.root / "runs"
        self.worktrees = self.root / "worktrees"

    def prepare(self) -> None:
        """Make the folder; raises ReadOnlyRepository if that is not possible."""
        try:
            for folder in (self.runs, self.worktrees, self.root / "tmp", self.root / "locks"):
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
            with contextlib.suppress(OSError):
                if time.time() - old.stat().st_mtime > _STALE_AFTER:
                    shutil.rmtree(old)
        folder = Path(tempfile.mkdtemp(dir=tmp))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock `name`, waiting for whoever has it; raises WorkspaceBusy after 30 seconds."""
        deadline = time.monotonic() + _LOCK_WAIT
        while (held := self.try_lock(name)) is None:
            if time.monotonic() > deadline:
                raise errors.WorkspaceBusy(
                    f"Another gitexp process has held the lock '{name}' for too long.",
                    "Wait for it to end, or end it, then try again.",
                )
            time.sleep(0.01)
        try:
            yield
        finally:
            held.release()

    def try_lock(self, name: str) -> Lock | None:
        """Take the lock `name` and return it, or None if another process holds it."""
        self.prepare()
        path = self.root / "locks" / name
        fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            if sys.platform == "win32":
                msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return None
        return Lock(fd)


class Lock:
    """A lock that is held until `release`, or until the process dies."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        # The file stays: deleting it would let two processes lock two files of one name.
        os.close(self._fd)
