"""Locks without flock: a file is there while the lock is held, and tells who holds it.

The file of the lock on `locks/refs` is `locks/refs.held`: a line of JSON about the holder, and a dot for each
sign of life (see `keeper`). Its making is exclusive (O_EXCL), so one process has the lock. It is
removed by whoever releases the lock, or by the keeper of a holder that has died.

A file that neither could remove stays. The holder is dead if its processes can be seen from here and are
gone; from anywhere else, if it is silent for long (see `lock_silence`). Two may find out at
once. So the right to remove the file of a dead holder is a lock too, named after this holder: whoever gets it
looks again, and removes the file only if it is still the dead one's.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

from gitexp import errors, nofollow
from gitexp.failpoints import failpoint
from gitexp.model import ProcessId
from gitexp.named_tuple import NamedTuple
from gitexp.process.liveness import is_alive, is_of_this_start, namespace
from gitexp.repo.git.locking import keeper, lock_silence
from gitexp.repo.git.locking.keeper import Keeper
from gitexp.repo.git.locking.keeper_program import LATE, now

_ENDING = ".held"
_TRIES = 100  # beside others who take and release the lock all the time
_DYING = 1.0  # seconds for the keeper of a dead holder to let go
_PAUSE = 0.01  # seconds
_LINE = 4096  # bytes
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError)


class Held:
    """A lock that this process holds."""

    def __init__(self, path: Path, id_: str, kept_by: Keeper) -> None:
        self._path = path
        self._id = id_
        self._keeper = kept_by
        self._since = now()

    @property
    def alive(self) -> int:
        """The descriptor to be open in all processes that hold the lock."""
        return self._keeper.alive

    def release(self) -> None:
        if os.getpid() != self._keeper.owner:
            return  # a fork's copy
        with contextlib.suppress(OSError, errors.StorageError):  # else the keeper removes it in the end
            if now() - self._since < LATE * self._keeper.every:
                _remove(file_of(self._path))
            else:
                # This machine may have slept, and somebody may have taken the lock over meanwhile.
                _remove_of(self._path, self._id)
            self._keeper.forget(self._id)


class _Seen(NamedTuple):
    """The file of a lock.

    Attributes:
        id: of this holding of the lock.
        mark: another one after each sign of life.
        holder: the processes of the holding: owner and keeper; () if the file does not tell.
        seen_from: the `namespace` of the processes.
        every: seconds between two signs of life.
    """

    id: str
    mark: str
    holder: tuple[ProcessId, ...] = ()
    seen_from: str = ""
    every: float = keeper.USUAL


def take(path: Path) -> Held | None:
    """The lock on the file at `path`; None while somebody else holds it. Raises OSError and StorageError."""
    until = time.monotonic() + _DYING
    for _ in range(_TRIES):
        seen = None
        if keeper.present() is None:
            seen = _look(path)  # most commands need no keeper to see that a lock is held
        if seen is None:
            if (held := _made(path, keeper.own())) is not None:
                return held
            seen = _look(path)
        if seen is None:
            continue  # just released
        if _is_dead(path, seen):
            if not _remove_of(path, seen.id):
                return None
        elif not _is_dying(seen) or time.monotonic() > until:
            return None
        else:
            time.sleep(_PAUSE)
    return None


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock on the file at `path`, as far as can be known."""
    try:
        seen = _look(path)
    except OSError:
        return True
    return seen is not None and not _is_dead(path, seen)


def _made(path: Path, mine: Keeper) -> Held | None:
    """The lock, if nobody has it."""
    id_ = os.urandom(8).hex()
    facts = {
        "id": id_,
        "owner": mine.me._asdict(),
        "keeper": mine.process._asdict(),
        "seen_from": namespace(),
        "every": mine.every,
    }
    file = file_of(path)
    try:
        with nofollow.opened(file.parent.parent, file.parent.name) as folder:
            folder.make(file.name, json.dumps(facts).encode() + b"\n")
    except FileExistsError:
        return None
    failpoint("lock:made")
    mine.keep(id_, file)
    lock_silence.forget(file)
    return Held(path, id_, mine)


def _look(path: Path) -> _Seen | None:
    """The present file of a lock; None if removed."""
    file = file_of(path)
    try:
        with nofollow.opened(file.parent.parent, file.parent.name) as folder:
            fd = folder.open(file.name)
    except FileNotFoundError:
        return None
    try:
        of = os.fstat(fd)
        line = os.read(fd, _LINE).partition(b"\n")[0]
    finally:
        os.close(fd)
    size_and_time = f"{of.st_size} {of.st_mtime_ns}"
    try:
        return _read(line, size_and_time)
    except _UNREADABLE:  # just being written; or its writer has died, or was never gitexp
        return _Seen(f"x{of.st_ino}", f"{of.st_ino} {size_and_time}", every=keeper.interval())


def _read(line: bytes, mark: str) -> _Seen:
    """The facts in the first line of a lock's file. Raises one of `_UNREADABLE`."""
    facts = json.loads(line)
    id_ = str(facts["id"])
    int(id_, 16)  # it becomes a part of a name
    holder = []
    for one in (facts["owner"], facts["keeper"]):
        holder.append(ProcessId(str(one["host"]), int(one["pid"]), str(one["started"])))
    every = keeper.bounded(float(facts["every"]))
    return _Seen(id_, f"{id_} {mark}", tuple(holder), str(facts["seen_from"]), every)


def _is_dead(path: Path, seen: _Seen) -> bool:
    """Whether the holder of a lock has died."""
    alive = [_is_alive(one, seen.seen_from) for one in seen.holder]
    if True in alive:
        return False
    if alive and None not in alive:
        return True
    return lock_silence.is_silent(file_of(path), seen.mark, seen.every)


def _is_dying(seen: _Seen) -> bool:
    """Whether the holder has died. Its keeper has not let go yet, or has done so just now."""
    return bool(seen.holder) and _is_alive(seen.holder[0], seen.seen_from) is False


def _is_alive(process: ProcessId, seen_from: str) -> bool | None:
    """Whether a process runs; None if that cannot be seen from here.

    After a new start of the system too: another machine may have this machine's name.
    """
    if seen_from != namespace() or not is_of_this_start(process):
        return None
    return is_alive(process)


def _remove_of(path: Path, id_: str) -> bool:
    """Remove the file of one holding of a lock, if still there; False while somebody else removes it."""
    right = take(path.with_name(f"{path.name}.take-{id_}"))
    if right is None:
        return False
    try:
        seen = _look(path)
        if seen is not None and seen.id == id_:
            failpoint("lock:taking")
            _remove(file_of(path))
            failpoint("lock:taken")
    finally:
        right.release()
    return True


def _remove(file: Path) -> None:
    try:
        with nofollow.opened(file.parent.parent, file.parent.name) as folder:
            folder.remove(file.name)
    except FileNotFoundError:
        pass  # its folder was removed


def file_of(path: Path) -> Path:
    return path.with_name(path.name + _ENDING)
