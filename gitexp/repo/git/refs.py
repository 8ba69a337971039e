"""Refs moved in spite of what passes: `git pack-refs` beside us, and locks that a crash has left."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from gitexp import errors
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange, RefConflict

_ATTEMPTS = 10
_LOCK_LEFT_AFTER = 600.0  # seconds


def move(repo: Repository, changes: Sequence[RefChange], reason: str, *, durable: bool = True) -> None:
    """Make all these changes, or none if one ref is not where it was thought to be.

    Raises RefConflict then, and GitFailed for what did not pass. Not `durable` are those that a power
    cut may take back: a millisecond for each is felt with thousands.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return repo.update_refs(changes, reason, durable=durable)
        except RefConflict:
            # What a Git has done before it died is no conflict, at our second attempt.
            left = [change for change in changes if repo.resolve(change.ref) != change.new]
            if not attempt or len(left) == len(changes):
                raise
            if not left:
                return None
            changes = left
        except errors.GitFailed as error:
            # Killed, by one who wanted memory for instance: that need not happen twice.
            if attempt == _ATTEMPTS - 1 or not (error.status < 0 or _may_pass(repo, changes, error.stderr)):
                raise
            time.sleep(0.01 * (attempt + 1))
    return None


def _may_pass(repo: Repository, changes: Sequence[RefChange], complaint: str) -> bool:
    """Return whether what kept the refs from being moved may be gone the next time."""
    # `git pack-refs` beside us removes the folder of the refs it has packed, at times between
    # Git's making it and writing into it.
    if "No such file or directory" in complaint:
        return True
    if "File exists" not in complaint:
        return False
    # Git holds a lock for milliseconds: an old one was left by a power cut.
    removed = False
    for change in changes:
        lock = repo.common_dir / f"{change.ref}.lock"
        with contextlib.suppress(OSError):
            if time.time() - lock.stat().st_mtime > _LOCK_LEFT_AFTER:
                lock.unlink()
                removed = True
    return removed
