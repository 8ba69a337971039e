"""Locks that a Git of ours has left on refs, because it was killed.

Git locks a ref with a file beside it. Killed in that moment it leaves the file, and nobody can change
the ref any more, for nobody knows whether the owner is alive. So we see to it that we know: whoever
changes refs here has a lock of ours for as long as it takes, Git inherits it, and the file of that
lock names the refs. Who gets the lock and finds refs named there knows that gitexp and its Git have
both died over them, and removes what they have left.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitexp import errors
from gitexp.repo.git import locks

# Locked by the deletion of any ref, with what is written meanwhile; and the one lock of a reftable.
_SHARED = ("packed-refs.lock", "packed-refs.new", "reftable/tables.list.lock")
_UNCHANGED = 0.5  # seconds; should a Git of somebody else's have made such a file just then, it will be at it
_TICK = 0.05

_Stamp = tuple[int, int, int]  # of a file: inode, time of change (ns), size


@dataclass(frozen=True, slots=True)
class GuardedRefs:
    """Refs that are about to be changed by a Git that `inherits` these descriptors."""

    common_dir: Path
    lock: locks.FileLock | None

    @property
    def inherits(self) -> tuple[int, ...]:
        return (self.lock.fd,) if self.lock is not None and os.name != "nt" else ()

    def unlock(self) -> None:
        """Remove what a Git that has died over this change has left."""
        if self.lock is not None:
            _unlock(self.common_dir, self.lock)


@contextlib.contextmanager
def change(common_dir: Path, refs: Sequence[str]) -> Iterator[GuardedRefs]:
    """Hold the right to change refs while the block lasts; raises WorkspaceBusy if others do not end.

    Where there can be no locks, nothing is held: Git's own suffice as long as nobody dies.
    """
    lock = _take(_file(common_dir))
    if lock is None:
        yield GuardedRefs(common_dir, None)
        return
    try:
        _unlock(common_dir, lock)
        _write(lock, refs)
        yield GuardedRefs(common_dir, lock)
        _write(lock, ())  # not after an exception, for the Git may still be there
    finally:
        lock.release()


def mend(common_dir: Path) -> None:
    """Remove what is left of a change over which gitexp and its Git have died; costs a look at one file."""
    file = _file(common_dir)
    with contextlib.suppress(OSError, errors.StorageError):
        if file.stat().st_size == 0 or (lock := locks.try_lock(file)) is None:
            return
        try:
            _unlock(common_dir, lock)
            _write(lock, ())
        finally:
            lock.release()


def _file(common_dir: Path) -> Path:
    return common_dir / "gitexp" / "locks" / "refs"


def _take(file: Path) -> locks.FileLock | None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return locks.wait_lock(file)
    except (OSError, errors.StorageError):
        return None


def _write(lock: locks.FileLock, refs: Sequence[str]) -> None:
    with contextlib.suppress(OSError):  # a full disk; Git will say so
        os.ftruncate(lock.fd, 0)
        os.lseek(lock.fd, 0, os.SEEK_SET)
        os.write(lock.fd, b"".join(os.fsencode(ref) + b"\n" for ref in refs))


def _unlock(common_dir: Path, lock: locks.FileLock) -> None:
    """Remove the locks of the refs that stand in our lock's file, and were made since these were written."""
    of = os.fstat(lock.fd)
    if of.st_size == 0:
        return
    os.lseek(lock.fd, 0, os.SEEK_SET)
    refs = os.read(lock.fd, of.st_size).split(b"\n")[:-1]
    names = [*(f"{os.fsdecode(ref)}.lock" for ref in refs if ref.startswith(b"refs/")), *_SHARED]
    # Ours may be a file that somebody else wrote, and a folder of refs a link: neither leads us out.
    top = common_dir.resolve()
    left = {file for name in names if (file := top / name).parent.resolve() == file.parent}
    seen = {file: stamp for file in left if (stamp := _stamp(file)) and stamp[1] >= of.st_mtime_ns}
    deadline = time.monotonic() + _UNCHANGED
    while seen and time.monotonic() < deadline:
        time.sleep(_TICK)
        seen = {file: stamp for file, stamp in seen.items() if _stamp(file) == stamp}
    for file in seen:
        with contextlib.suppress(OSError):
            file.unlink()


def _stamp(file: Path) -> _Stamp | None:
    try:
        of = file.stat()
    except OSError:
        return None
    return (of.st_ino, of.st_mtime_ns, of.st_size)
