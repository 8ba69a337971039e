"""Locks left on refs by a Git of gitexp's own that was killed.

Git locks a ref with a file beside the ref. A Git killed in that moment leaves the file, and nobody can
change the ref any more, for nobody knows whether the owner lives. gitexp makes it known: while refs change,
gitexp holds a lock of its own, Git inherits this lock, and the lock's file names the refs. Whoever gets the
lock and finds names in the file knows of a gitexp and a Git that have both died over these refs.

But somebody else's Git may have locked the same refs since. So their locks are removed only if no process can
be their owner (`gitexp.process.git_processes`). Until that is sure, the names stay in the file.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.named_tuple import NamedTuple
from gitexp.process.git_processes import holder
from gitexp.process.liveness import namespace
from gitexp.repo.git.locking import locks

# The deletion of any ref locks packed-refs and writes a new one; all refs of a reftable have one lock.
_SHARED = ("packed-refs.lock", "packed-refs.new", "reftable/tables.list.lock")
_UNCHANGED = 0.5  # seconds; another Git that has made such a file just then will go on changing it
_TICK = 0.05  # seconds

_Stamp = tuple[int, int, int]  # of a file: inode, time of change (ns), size


class _Named(NamedTuple):
    """Refs that may have locks of a dead Git, made since that time (ns since the epoch); None: since now."""

    refs: Sequence[bytes] = ()
    since: int | None = None


_NOTHING = _Named()


class RefGuard(NamedTuple):
    """The right to change some refs; `lock` is None where no lock can be had."""

    common_dir: Path
    lock: locks.FileLock | None

    @property
    def inherits(self) -> tuple[int, ...]:
        """The descriptors to be open in the Git that changes the refs."""
        return () if self.lock is None else self.lock.inherits

    def unlock(self) -> None:
        """Remove the locks of a Git that has died over this change."""
        if self.lock is not None:
            _unlock(self.common_dir, self.lock)


@contextlib.contextmanager
def guard(common_dir: Path, refs: Sequence[str]) -> Iterator[RefGuard]:
    """Hold the right to change refs while the block lasts; raises WorkspaceBusy if others do not end.

    Where no lock can be had nothing is held: Git's own locks suffice while nobody dies.
    """
    lock = _take(_file(common_dir))
    if lock is None:
        yield RefGuard(common_dir, None)
        return
    try:
        left = _unlock(common_dir, lock)
        _write(lock, left._replace(refs=[*left.refs, *map(os.fsencode, refs)]))
        yield RefGuard(common_dir, lock)
        _write(lock, left)  # not after an exception, for Git may still run
    finally:
        lock.release()


def mend(common_dir: Path) -> None:
    """Remove the locks of a change cut short by the death of gitexp and its Git; costs a look at one file."""
    file = _file(common_dir)
    with contextlib.suppress(OSError, errors.StorageError):
        if file.lstat().st_size == 0 or (lock := locks.try_lock(file)) is None:
            return
        try:
            _write(lock, _unlock(common_dir, lock))
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


def _write(lock: locks.FileLock, named: _Named) -> None:
    """Write down which refs may have locks, and who can be seen from here."""
    text = b"".join(line + b"\n" for line in (namespace().encode(), *named.refs)) if named.refs else b""
    with contextlib.suppress(OSError):  # a full disk; Git will say so
        os.ftruncate(lock.fd, 0)
        os.lseek(lock.fd, 0, os.SEEK_SET)
        os.write(lock.fd, text)
        if named.since is not None:
            os.utime(lock.fd, ns=(named.since, named.since))


def _unlock(common_dir: Path, lock: locks.FileLock) -> _Named:
    """Remove the locks of the refs named in the file of `lock`, if they were made since and nobody has them.

    Returns the refs that may still have locks.
    """
    size, since = os.fstat(lock.fd).st_size, os.fstat(lock.fd).st_mtime_ns
    if size == 0:
        return _NOTHING
    os.lseek(lock.fd, 0, os.SEEK_SET)
    lines = os.read(lock.fd, size).split(b"\n")[:-1]
    refs = [line for line in lines if _is_ref(line)]
    left: dict[Path, _Stamp] = {}
    for file in _lock_files(common_dir.resolve(), refs):
        stamp = _stamp(file)
        if stamp is not None and stamp[1] >= since:
            left[file] = stamp
    deadline = time.monotonic() + _UNCHANGED
    while left and time.monotonic() < deadline:
        time.sleep(_TICK)
        left = {file: stamp for file, stamp in left.items() if _stamp(file) == stamp}
    seen_then = lines[0].decode("ascii", "replace") if lines else ""
    if left and holder([*left], common_dir, seen_then=seen_then) is not None:
        return _Named(refs, since)
    for file in left:
        with contextlib.suppress(OSError):
            file.unlink()
    return _NOTHING


def _lock_files(top: Path, refs: Sequence[bytes]) -> Iterator[Path]:
    """Yield the files by which Git locks some refs.

    Somebody else may have written the names, and a folder of refs may be a link: neither leads out of `top`.
    """
    own = [f"{os.fsdecode(ref)}.lock" for ref in refs]
    for name in (*own, *_SHARED):
        file = top / name
        if file.parent.resolve() == file.parent:
            yield file


def _is_ref(name: bytes) -> bool:
    """Whether this is the name of a ref, or the path of a worktree's HEAD."""
    return (
        name.startswith(b"refs/") or name == b"HEAD" or (name[:10] == b"worktrees/" and name[-5:] == b"/HEAD")
    )


def _stamp(file: Path) -> _Stamp | None:
    try:
        of = file.stat()
    except OSError:
        return None
    return (of.st_ino, of.st_mtime_ns, of.st_size)
