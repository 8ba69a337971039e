"""Whether the holder of a lock has been silent for so long that it must be dead.

Each sign of life changes the file of a lock. Nobody compares clocks of two machines: a watcher looks
whether the file changes while time passes on its own clock, which counts from the start of its system. A
command looks once and ends; so what it has seen stands in a small file beside the lock, one a machine, and
the next command goes on from there.

While a disk is away, no sign of life can be written, and none can be read. So the time between two looks
counts as half of the needed time at most: there is always a look in the middle, and time before and after it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from functools import cache
from pathlib import Path

from gitexp import nofollow
from gitexp.named_tuple import NamedTuple
from gitexp.process.liveness import current_process, namespace

SIGNS = 12  # missed signs of life, after which a holder is dead
_MOST = 1000  # bytes of a note
_UNREADABLE = (OSError, ValueError, TypeError, LookupError)


class _LockLook(NamedTuple):
    """The last look at a lock.

    Attributes:
        mark: what the file of the lock was like.
        at: the time of the look, in seconds since the start of this system.
        silent: seconds without a sign of life, as far as they count.
    """

    mark: str
    at: float
    silent: float


_last: dict[Path, _LockLook] = {}  # by file of the lock
_written: dict[Path, _LockLook] = {}  # the notes on the disk


def is_silent(file: Path, mark: str, every: float) -> bool:
    """Whether a lock has had no sign of life for long.

    Args:
        file: the file of the lock.
        mark: what the file is like now; another one after each sign of life.
        every: seconds between two signs of life.
    """
    patience = SIGNS * every
    now = time.monotonic()
    last = _last.get(file) or _read(file)
    silent = 0.0
    if last is not None and last.mark == mark and last.at <= now:
        silent = last.silent + min(now - last.at, patience / 2)
    look = _LockLook(mark, now, silent)
    _last[file] = look
    if _is_worth_writing(look, _written.get(file), patience):
        _write(file, look)
    return silent >= patience


def forget(file: Path) -> None:
    """Forget what was seen of a lock that is no more."""
    _last.pop(file, None)
    if _written.pop(file, None) is not None:
        note = _note(file)
        with contextlib.suppress(OSError), nofollow.opened(note.parent.parent, note.parent.name) as folder:
            folder.remove(note.name)


def _is_worth_writing(look: _LockLook, written: _LockLook | None, patience: float) -> bool:
    """Whether the note on the disk is out of date: many commands look, and each change costs."""
    if written is None or written.at > look.at:
        return True
    passed = look.at - written.at
    if look.mark == written.mark:
        return passed >= patience / (2 * SIGNS)
    return passed >= patience / 4  # a note of an earlier sign of life does no harm for a while


def _read(file: Path) -> _LockLook | None:
    note = _note(file)
    with contextlib.suppress(*_UNREADABLE):
        with nofollow.opened(note.parent.parent, note.parent.name) as folder:
            mark, at, silent = json.loads(folder.read(note.name, _MOST))
        found = _LockLook(str(mark), float(at), float(silent))
        _written[file] = found
        return found
    return None


def _write(file: Path, look: _LockLook) -> None:
    note = _note(file)
    with contextlib.suppress(OSError), nofollow.opened(note.parent.parent, note.parent.name) as folder:
        folder.write(note.name, json.dumps(look).encode())
        _written[file] = look


def _note(file: Path) -> Path:
    return file.with_name(f"{file.name}.seen-{_here()}")


@cache
def _here() -> str:
    """A name for this start of this system, and of this container on it."""
    me = current_process()
    words = (me.host, me.started.partition(":")[0], namespace())
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]
