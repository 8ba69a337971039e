"""What was done and can be taken back: one ref for each operation, `refs/gitexp/undo/<number>`.

An operation is refs that moved together, or the workspace taken from one tree to another, or both.
Its commit keeps what undoing and redoing need: the two trees as folders `before` and `after` of its
own, and commits that no other ref may hold as its parents. The message is a subject line, a blank
line and one JSON object. The last hundred are kept, for thirty days.

The operation's ref is made in the same step as its changes, before all others. Several refs are not
changed in one instant, so a note of them is left in `.git/gitexp/pending/` until they are: where a
crash comes between, `complete` makes the others too.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.repo.git import ref_locks, refs
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange, RefConflict, TreeEntry
from gitexp.repo.local import LocalState

PREFIX = "refs/gitexp/undo/"

_FORMAT = 1
_MOST = 100  # operations
_DAYS = 30
_SUBJECT = 100  # characters
_DIGITS = 8
_FILES = "files-"  # before the number, in `pending/`: of an operation whose files are being changed
_NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)
_OURS = re.compile(r"refs/(?:gitexp/exps|gitexp/trash|heads)/[^\0\n]+")
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class WorkspaceChange:
    """The workspace of one worktree, from one tree to another.

    `worktree` is its Git folder relative to the repository's ("." for the main one), so that it is known
    again after a move. `modes` are the permission bits of the files that stood there before; `raw` is a
    tree of those whose bytes a checkout of `before` would not give back, as they stood on disk.
    """

    worktree: str
    before: str
    after: str
    modes: Mapping[str, int] = field(default_factory=dict)
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that was done. `summary` is what the user asked for, as `rename a b`.

    `undoes` is the number of the operation that this one took back. `number` is 0 until it is stored.
    """

    summary: str
    created: str  # ISO 8601, UTC
    refs: tuple[RefChange, ...] = ()
    workspace: WorkspaceChange | None = None
    undoes: int | None = None
    number: int = 0

    @property
    def ref(self) -> str:
        return f"{PREFIX}{self.number:0{_DIGITS}}"


@dataclass(frozen=True, slots=True)
class _StoredOperation:
    """A ref below the prefix: how to delete it, and the operation, None if it cannot be read."""

    number: int
    forget: RefChange
    operation: Operation | None


def worktree_of(repo: Repository) -> str:
    """Return what an operation calls the worktree that `repo` is seen from."""
    return os.path.relpath(repo.git_dir.resolve(), repo.common_dir.resolve())


def all_of(repo: Repository) -> list[Operation]:
    """Return the operations that are kept, the newest first; what cannot be read is passed over."""
    return [stored.operation for stored in _stored(repo) if stored.operation is not None]


def carry_out(repo: Repository, local: LocalState, operation: Operation) -> Operation:
    """Store an operation and make its ref changes, all of them or none; return it with its number.

    Its workspace change is left to the caller. Raises RefConflict if a ref is not at its old commit.
    """
    with local.lock("operations"):
        stored = _stored(repo)
        number = stored[0].number + 1 if stored else 1
        summary = " ".join(operation.summary.split())[:_SUBJECT]
        operation = replace(operation, summary=summary, number=number)
        commit = _write(repo, operation)
        failpoint("operation:written")
        changes = [RefChange(operation.ref, None, commit), *operation.refs, *_to_forget(stored)]
        if operation.refs:
            _move_together(repo, local, operation, changes)
        else:
            refs.move(repo, changes, f"gitexp: {operation.summary}")
    failpoint("operation:done")
    return operation


def complete(repo: Repository, local: LocalState) -> list[Operation]:
    """Make the ref changes that a crash has left undone, and return these operations.

    A ref that has been moved on since stays where it is. The locks that a killed Git has left go too.
    """
    ref_locks.mend(repo.common_dir)
    pending = local.root / "pending"
    if not pending.is_dir() or not any(pending.iterdir()):
        return []
    completed = []
    with local.lock("operations"):
        known = {str(operation.number): operation for operation in all_of(repo)}
        for marker in sorted(each for each in pending.iterdir() if each.name.isdecimal()):
            operation = known.get(marker.name)  # None: it died before the first ref
            if operation is not None:
                left = [change for change in operation.refs if repo.resolve(change.ref) == change.old]
                with contextlib.suppress(RefConflict):
                    refs.move(repo, left, f"gitexp: {operation.summary}")
                    completed += [operation] if left else []
            marker.unlink(missing_ok=True)
    return completed


@contextlib.contextmanager
def changing_files(local: LocalState, operation: Operation) -> Iterator[None]:
    """Leave a word of an operation whose files are being changed, until they are."""
    marker = local.root / "pending" / f"{_FILES}{operation.number}"
    marker.parent.mkdir(exist_ok=True)
    marker.touch()
    try:
        yield
    finally:  # also after an error, of which the user is told
        marker.unlink(missing_ok=True)


def cut_short(repo: Repository, local: LocalState) -> list[Operation]:
    """Return the operations that a crash has interrupted between two files, and forget that it did.

    To be called by who holds the workspace, so that nobody is at it any more.
    """
    markers = [*(local.root / "pending").glob(f"{_FILES}*")]
    names = {marker.name for marker in markers}
    found = [operation for operation in all_of(repo) if f"{_FILES}{operation.number}" in names]
    for marker in markers:
        marker.unlink(missing_ok=True)
    return found


def _move_together(
    repo: Repository, local: LocalState, operation: Operation, changes: list[RefChange]
) -> None:
    marker = local.root / "pending" / str(operation.number)
    marker.parent.mkdir(exist_ok=True)
    marker.touch()
    failpoint("operation:pending")
    try:
        refs.move(repo, changes, f"gitexp: {operation.summary}")
    except errors.GitexpError:
        if repo.resolve(operation.ref) is None:  # nothing has been changed
            marker.unlink()
        raise
    failpoint("operation:moved")
    marker.unlink()


def _stored(repo: Repository) -> list[_StoredOperation]:
    """Return what stands below the prefix, the newest first."""
    found = []
    fields = ("refname", "objectname", "contents:subject", "contents:body")
    for ref, oid, subject, body in repo.refs(PREFIX, fields=fields):
        digits = ref.decode("utf-8", "replace").removeprefix(PREFIX)
        if _NUMBER.fullmatch(digits):
            operation = None
            with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
                operation = _decode(int(digits), subject.decode("utf-8", "replace"), body)
            found.append(
                _StoredOperation(int(digits), RefChange(ref.decode(), oid.decode(), None), operation)
            )
    return sorted(found, key=lambda stored: stored.number, reverse=True)


def _to_forget(stored: Sequence[_StoredOperation]) -> list[RefChange]:
    """Return what deletes those of the stored operations, the newest first, that are too many or too old."""
    oldest = (datetime.now(UTC) - timedelta(days=_DAYS)).isoformat()
    return [
        one.forget
        for at, one in enumerate(stored, 1)
        if at >= _MOST or (one.operation is not None and one.operation.created < oldest)
    ]


def _write(repo: Repository, operation: Operation) -> str:
    data: dict[str, Any] = {
        "format": _FORMAT,
        "created": operation.created,
        "refs": [[change.ref, change.old, change.new] for change in operation.refs],
    }
    entries = []
    if (work := operation.workspace) is not None:
        trees = {"before": work.before, "after": work.after}
        trees |= {"raw": work.raw} if work.raw is not None else {}
        data["workspace"] = {"worktree": work.worktree, **trees, "modes": dict(work.modes)}
        entries = [TreeEntry("040000", "tree", tree, name.encode()) for name, tree in trees.items()]
    if operation.undoes is not None:
        data["undoes"] = operation.undoes
    message = f"{operation.summary}\n\n{json.dumps(data, separators=(',', ':'))}\n"
    with repo.writing_together():
        return repo.write_commit(repo.write_tree(entries), _to_hold(operation.refs), message)


def _to_hold(changes: Iterable[RefChange]) -> list[str]:
    """Return the commits that only the operation may hold; one that goes from ref to ref is held by these."""
    old = dict.fromkeys(change.old for change in changes if change.old is not None)
    new = dict.fromkeys(change.new for change in changes if change.new is not None)
    return [*(oid for oid in old if oid not in new), *(oid for oid in new if oid not in old)]


def _decode(number: int, summary: str, body: bytes) -> Operation:
    """Return the operation that a message tells of; raises one of many errors if it does not."""
    data = json.loads(body)
    if data["format"] != _FORMAT:
        raise ValueError("of a later version")
    work, undoes = data.get("workspace"), data.get("undoes")
    if undoes is not None and not 0 < undoes < number:
        raise ValueError("only what came before can be undone")
    return Operation(
        summary,
        created=str(data["created"]),
        refs=tuple(RefChange(_ours(ref), _id(old), _id(new)) for ref, old, new in data["refs"]),
        workspace=None if work is None else _workspace(work),
        undoes=undoes,
        number=number,
    )


def _workspace(data: Mapping[str, Any]) -> WorkspaceChange:
    before, after = _id(data["before"]), _id(data["after"])
    if before is None or after is None:
        raise ValueError("a tree is missing")
    modes = {str(name): int(mode) for name, mode in data["modes"].items()}
    return WorkspaceChange(str(data["worktree"]), before, after, modes, _id(data.get("raw")))


def _ours(ref: Any) -> str:
    if not isinstance(ref, str) or _OURS.fullmatch(ref) is None:
        raise ValueError("not a ref that an operation changes")
    return ref


def _id(value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or _ID.fullmatch(value) is None):
        raise ValueError("not an object id")
    return value
