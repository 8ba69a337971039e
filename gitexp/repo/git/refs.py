"""Refs moved in spite of passing troubles: a `git pack-refs` beside gitexp, or locks left by a crash."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from gitexp import errors
from gitexp.process import git_processes
from gitexp.repo.git import failures
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange, RefConflict

_ATTEMPTS = 10
_MOST_PATTERNS = 1000  # on one command line
_LOCK_LEFT_AFTER = 600.0  # seconds


def read(
    repo: Repository, prefix: str, fields: Sequence[str], broken: list[str] | None = None
) -> list[tuple[bytes, ...]]:
    """Name, id and `fields` of each ref below a prefix; name and id alone of one that cannot be read.

    Git itself stops at the first missing or damaged object. The names of refs without an id are
    added to `broken`.
    """
    names = ("refname", "objectname")
    try:
        return list(repo.refs(prefix, fields=(*names, *fields), broken=broken))
    except errors.GitFailed:
        plain = list(repo.refs(prefix, fields=names, broken=broken))
    found = []
    for at in range(0, len(plain), _MOST_PATTERNS):
        found += _read_around_damage(repo, plain[at : at + _MOST_PATTERNS], (*names, *fields))
    return found


def _read_around_damage(
    repo: Repository, plain: Sequence[tuple[bytes, ...]], fields: Sequence[str]
) -> list[tuple[bytes, ...]]:
    """The fields of some refs, found by halves until each damaged ref stands alone."""
    try:
        return list(repo.refs(*(os.fsdecode(name) for name, _ in plain), fields=fields))
    except errors.GitFailed:
        if len(plain) == 1:
            return [*plain]
    half = len(plain) // 2
    return [
        *_read_around_damage(repo, plain[:half], fields),
        *_read_around_damage(repo, plain[half:], fields),
    ]


def target(repo: Repository, ref: str) -> str | None:
    """The id that a ref has, of a tag object too; None for a missing ref or object."""
    if not ref.startswith("refs/tags/"):
        return repo.resolve(ref)
    return repo.ids_of([ref])[0]


def move(repo: Repository, changes: Sequence[RefChange], reason: str, *, durable: bool = True) -> None:
    """Make all changes; if a ref is not at its `old`, make none and raise RefConflict.

    Raises GitFailed for a lasting trouble. Without `durable`, a power cut may take the changes back; a flush
    takes a millisecond for each, too long for thousands.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return repo.update_refs(changes, reason, durable=durable)
        except RefConflict:
            # At a second attempt, changes that a Git made before it died are no conflict.
            left = [change for change in changes if target(repo, change.ref) != change.new]
            if not attempt or len(left) == len(changes):
                raise
            if not left:
                return None
            changes = left
        except errors.GitFailed as error:
            # A Git that was killed, for its memory for instance, need not be killed twice.
            if attempt == _ATTEMPTS - 1 or not (error.status < 0 or _may_pass(repo, changes, error.stderr)):
                raise _named(repo, error) from error
            time.sleep(0.01 * (attempt + 1))
    return None


def _may_pass(repo: Repository, changes: Sequence[RefChange], complaint: str) -> bool:
    """Whether the next attempt may succeed."""
    # `git pack-refs` removes the folder of the refs it has packed, at times just after Git has made that
    # folder for a new ref.
    if "No such file or directory" in complaint:
        return True
    if "File exists" not in complaint:
        return False
    # Git holds a lock for milliseconds: a power cut has left an old one.
    removed = False
    for change in changes:
        lock = repo.common_dir / f"{change.ref}.lock"
        with contextlib.suppress(OSError):
            old = time.time() - lock.stat().st_mtime > _LOCK_LEFT_AFTER
            if old and git_processes.holder([lock], repo.common_dir) is None:
                lock.unlink()
                removed = True
    return removed


def _named(repo: Repository, error: errors.GitFailed) -> errors.GitFailed:
    """The error, with whoever may hold the lock that Git could not get."""
    lock = failures.lock_in(error.stderr)
    found = git_processes.holder([Path(lock)], repo.common_dir) if lock is not None else None
    if found is None:
        return error
    return errors.GitFailed(
        f"Git's lock {lock} is there, and {found.who} may hold it.",
        "Wait for it to end, then run the command again; gitexp doctor says what to do if no Git is at work.",
        status=error.status,
        stderr=error.stderr,
    )
