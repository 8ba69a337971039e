"""Operations that can be taken back: one ref for each, `refs/gitexp/undo/<number>`.

An operation moves refs together, or takes the workspace from one tree to another, or both. Its commit keeps
the objects needed to undo and redo: the two trees in folders `before` and `after`, and as parents the
commits without another ref. The message has a subject line, a blank line and a JSON object. The last hundred
operations are kept, for thirty days.

The operation's ref is made in the same step with its changes, before all others. Neither several refs nor
several files change in one instant, so a note in `.git/gitexp/pending/` tells of the operation before its ref
is made, until all is changed. After a crash in between, `complete` makes the other changes of refs. Files are
the user's: `unfinished` has the operations whose files are not all changed, and `history/unfinished.py`
changes the others when the user asks.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.named_tuple import NamedTuple
from gitexp.process import git_processes
from gitexp.regex import regex
from gitexp.repo import model_tags, operation_tags, trash
from gitexp.repo.git import graph, ref_locks, refs
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.values import RefChange, RefConflict, TreeEntry
from gitexp.repo.local import LocalState

PREFIX = "refs/gitexp/undo/"

_FORMAT = 1
_MOST = 100  # operations
_DAYS = trash.DAYS  # not longer: undo of a remove needs the ref in the trash
_MOST_BETWEEN = timedelta(days=_DAYS / 4)
_SUBJECT = 100  # characters
_DIGITS = 8
_FILES = "files-"  # before the number, in `pending/`: the operation is changing files
_NUMBER = regex(r"[0-9]{1,12}", re.ASCII)
_OURS = regex(r"refs/(?:gitexp/exps|gitexp/trash|heads|exps/[0-9a-f]{2}/[0-9a-f]{38,62})/[^\0\n]+")
_BRANCHES = "refs/heads/"
_MOVED = ("refs/gitexp/", "refs/exps/")
_BAD_MESSAGE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
_ID = regex(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class WorkspaceChange(NamedTuple):
    """The way of a workspace from one tree to another.

    Attributes:
        worktree: its Git folder relative to the repository's ("." for the main worktree): a move of the
            repository does not change this.
        before: the first tree.
        after: the second tree.
        modes: the permission bits of the files before.
        raw: a tree with the bytes on disk of files for which a checkout of `before` gives other bytes; an
            earlier gitexp has made such trees.
        written: the ids of the bytes written into files, where `after` has other bytes.
        filtered: changed files of which `before` does not have the bytes: a filter gives them back. None if
            an earlier gitexp has stored the operation.
        folders: the permission bits of folders before.
    """

    worktree: str
    before: str
    after: str
    modes: Mapping[str, int] = MappingProxyType({})
    raw: str | None = None
    written: Mapping[str, str] = MappingProxyType({})
    filtered: tuple[str, ...] | None = None
    folders: Mapping[str, int] = MappingProxyType({})


class Operation(NamedTuple):
    """An operation of the user.

    Attributes:
        summary: the command, as in `rename a b`.
        created: the time.
        refs: the changes of refs.
        workspace: the change of the workspace.
        undoes: the number of the operation taken back by this operation.
        number: 0 until the operation is stored.
        beyond: why nobody can take it back; "" if somebody can.
    """

    summary: str
    created: str  # ISO 8601, UTC
    refs: tuple[RefChange, ...] = ()
    workspace: WorkspaceChange | None = None
    undoes: int | None = None
    number: int = 0
    beyond: str = ""

    @property
    def ref(self) -> str:
        return _ref_of(self.number)


class _StoredOperation(NamedTuple):
    """A ref below the prefix.

    Attributes:
        number: the number in the ref.
        forget: the deletion of the ref.
        operation: None if the commit holds none, or one of a later version.
        is_lost: whether the commit itself is missing or damaged.
    """

    number: int
    forget: RefChange
    operation: Operation | None = None
    is_lost: bool = False


class DamagedOperation(NamedTuple):
    """An operation of which objects are missing.

    Attributes:
        number: the number in its ref.
        forget: the deletion of its ref.
        is_lost: whether its commit is missing or damaged, and so all of it.
    """

    number: int
    forget: RefChange
    is_lost: bool


def _ref_of(number: int) -> str:
    return f"{PREFIX}{number:0{_DIGITS}}"


def worktree_of(repo: Repository) -> str:
    """An operation's name for the worktree of `repo`."""
    return os.path.relpath(repo.git_dir.resolve(), repo.common_dir.resolve())


def all_of(repo: Repository) -> list[Operation]:
    """The stored operations, the newest first; unreadable ones are passed over."""
    return [stored.operation for stored in _stored(repo) if stored.operation is not None]


def damaged(repo: Repository) -> list[DamagedOperation]:
    """The operations of which objects are missing."""
    if graph.is_complete(repo, f"--glob={PREFIX}*"):
        return []
    found = []
    for one in _stored(repo):
        if one.is_lost or not graph.is_complete(repo, str(one.forget.old)):
            found.append(DamagedOperation(one.number, one.forget, one.is_lost))
    return found


def carry_out(
    repo: Repository, local: LocalState, operation: Operation, *, files_follow: bool = False
) -> Operation:
    """Store an operation and make its ref changes, all or none; the operation with its number.

    The workspace change is left to the caller. With `files_follow` it comes after this call, and a note tells
    of the operation until `files_done`. Raises RefConflict for a ref that is not at its old commit.
    """
    with local.lock("operations"):
        broken: list[str] = []
        stored = _stored(repo, broken)
        number = 1
        if stored:
            number = stored[0].number + 1
        for ref in broken:
            number = max(number, (_number(ref) or 0) + 1)
        summary = " ".join(operation.summary.split())[:_SUBJECT]
        operation = operation._replace(summary=summary, number=number)
        _keep_moved(repo, local, operation.refs)
        if operation.undoes is not None:
            operation_tags.bring_back(repo, _ref_of(operation.undoes), operation.refs)
        commit = _write(repo, operation)
        failpoint("operation:written")
        changes = [RefChange(operation.ref, None, commit), *operation.refs, *_to_forget(stored)]
        if operation.refs:
            _move_noted(repo, local, operation, changes, str(number))
            _remove_marker(local, str(number))
        elif files_follow:
            _move_noted(repo, local, operation, changes, f"{_FILES}{number}")
        else:
            refs.move(repo, changes, f"gitexp: {operation.summary}")
    failpoint("operation:done")
    return operation


def complete(repo: Repository, local: LocalState) -> list[Operation]:
    """Make the ref changes left undone by a crash; the operations completed so.

    A ref moved on since stays where it is. Locks left by a killed Git are removed too.
    """
    ref_locks.mend(repo.common_dir)
    if not _markers(local):
        return []
    completed = []
    with local.lock("operations"):
        known = {str(operation.number): operation for operation in all_of(repo)}
        reversed_ = {str(operation.undoes) for operation in known.values()}
        for marker in _markers(local):
            number = marker.removeprefix(_FILES)
            operation = known.get(number)  # None: it died before the first ref
            if number != marker and operation is not None and number not in reversed_:
                continue  # its files are still to be changed
            if number == marker and operation is not None and _complete(repo, operation):
                completed.append(operation)
            _remove_marker(local, marker)
    return completed


def _markers(local: LocalState) -> list[str]:
    """The names of the notes about operations under way."""
    try:
        with local.opened(local.pending) as pending:
            return pending.names()
    except FileNotFoundError:
        return []


def _complete(repo: Repository, operation: Operation) -> bool:
    """Make the changes left undone; whether there were any and nobody else has moved the refs."""
    left = []
    for change in operation.refs:
        # Somebody else's note may name the branch on which the user stands.
        is_ours = not change.ref.startswith(_BRANCHES) or change.ref != repo.head().branch
        if is_ours and refs.target(repo, change.ref) == change.old:
            left.append(change)
    with contextlib.suppress(RefConflict):
        refs.move(repo, left, f"gitexp: {operation.summary}")
        return bool(left)
    return False


def unfinished(repo: Repository, local: LocalState) -> list[Operation]:
    """The operations of this worktree with files still to be changed, the newest first.

    A crash or an error has stopped them, if the caller holds the workspace; else somebody may be changing the
    files now. Operations taken back by a later operation do not count.
    """
    markers = {marker for marker in _markers(local) if marker.startswith(_FILES)}
    if not markers:
        return []
    here, found, reversed_ = worktree_of(repo), list[Operation](), set[int | None]()
    for operation in all_of(repo):
        work = operation.workspace
        is_here = work is not None and work.worktree == here
        if is_here and f"{_FILES}{operation.number}" in markers and operation.number not in reversed_:
            found.append(operation)
        reversed_.add(operation.undoes)
    return found


def files_done(local: LocalState, operation: Operation) -> None:
    """Remove the note about an operation: its files are changed."""
    _remove_marker(local, f"{_FILES}{operation.number}")


def _remove_marker(local: LocalState, marker: str) -> None:
    with contextlib.suppress(FileNotFoundError), local.opened(local.pending) as pending:
        pending.remove(marker)


def _move_noted(
    repo: Repository, local: LocalState, operation: Operation, changes: list[RefChange], marker: str
) -> None:
    """Move refs, with a note about the operation; the caller removes the note."""
    with local.opened(local.pending, make=True) as pending:
        pending.create(marker)
    failpoint("operation:pending")
    try:
        refs.move(repo, changes, f"gitexp: {operation.summary}")
    except errors.GitexpError:
        if repo.resolve(operation.ref) is None:  # nothing has been changed
            _remove_marker(local, marker)
        raise
    failpoint("operation:moved")


def _stored(repo: Repository, broken: list[str] | None = None) -> list[_StoredOperation]:
    """The refs below the prefix, the newest first; the names of those without a commit go to `broken`."""
    found = []
    for ref, oid, *message in refs.read(repo, PREFIX, ("contents:subject", "contents:body"), broken):
        name = os.fsdecode(ref)
        number, forget = _number(name), RefChange(name, oid.decode(), None)
        if number is None:
            continue
        operation = None
        if message and name == _ref_of(number):
            operation = _decoded(number, *message)
        found.append(_StoredOperation(number, forget, operation, is_lost=not message))
    return sorted(found, key=lambda stored: stored.number, reverse=True)


def _number(ref: str) -> int | None:
    """The number of an operation's ref, or of a ref below it; None for another ref."""
    digits = ref.removeprefix(PREFIX).partition("/")[0]
    return int(digits) if _NUMBER.fullmatch(digits) else None


def _decoded(number: int, subject: bytes, body: bytes) -> Operation | None:
    """The operation with this subject and body; None if they are no operation's."""
    with contextlib.suppress(*_BAD_MESSAGE):
        return _decode(number, subject.decode("utf-8", "replace"), body)
    return None


def _to_forget(stored: Sequence[_StoredOperation]) -> list[RefChange]:
    """The changes that delete the oldest operations: those too many, and those too old."""
    ages = _ages(stored, _now())
    changes = []
    for rank, one in enumerate(stored, 1):
        if rank >= _MOST or ages.get(one.number, timedelta()) > timedelta(days=_DAYS):
            changes.append(one.forget)
    return changes


def _now() -> datetime:
    return datetime.now(UTC)


def _ages(stored: Sequence[_StoredOperation], now: datetime) -> dict[int, timedelta]:
    """The ages of operations by their numbers: the times between one and the next, up to now, together.

    No such time counts for more than `_MOST_BETWEEN`: a clock that is wrong once makes nothing old.
    """
    times = []
    for one in stored:
        if one.operation is not None:
            with contextlib.suppress(ValueError, TypeError):  # no time, or one of no zone
                times.append((datetime.fromisoformat(one.operation.created).astimezone(UTC), one.number))
    ages, age, later = {}, timedelta(), now
    for created, number in sorted(times, reverse=True):
        age += min(max(later - created, timedelta()), _MOST_BETWEEN)
        ages[number] = age
        later = created
    return ages


def _write(repo: Repository, operation: Operation) -> str:
    data: dict[str, Any] = {
        "format": _FORMAT,
        "created": operation.created,
        "refs": [[change.ref, change.old, change.new] for change in operation.refs],
    }
    entries = []
    if (work := operation.workspace) is not None:
        trees = {"before": work.before, "after": work.after}
        data["workspace"] = {"worktree": work.worktree, **trees, "modes": dict(work.modes)}
        data["workspace"] |= {"written": dict(work.written), "filtered": work.filtered or ()}
        data["workspace"]["folders"] = dict(work.folders)
        entries = [TreeEntry("040000", "tree", tree, name.encode()) for name, tree in trees.items()]
    if operation.beyond:
        data["beyond"] = operation.beyond
    if operation.undoes is not None:
        data["undoes"] = operation.undoes
    message = f"{operation.summary}\n\n{json.dumps(data, separators=(',', ':'))}\n"
    with repo.writing_together():
        tags = operation_tags.hold(repo, operation.refs)
        parents = _to_hold(change for change in operation.refs if not operation_tags.is_tag(change))
        tree = repo.write_tree([*entries, *tags.entries])
        return repo.write_commit(tree, list(dict.fromkeys([*parents, *tags.commits])), message)


def _keep_moved(repo: Repository, local: LocalState, changes: Sequence[RefChange]) -> None:
    """Keep the objects of commits on their way from ref to ref, if a prune may be reading the refs.

    The prune would find a commit at neither ref, for Git reads one ref after the other.
    """
    old = {change.old for change in changes}
    moved = []
    for change in changes:
        if change.new is not None and change.new in old:
            moved.append(change.new)
    if not moved or not git_processes.is_collecting(repo.common_dir):
        return
    held = [
        oid.decode()
        for (oid,) in repo.refs("refs/heads/", "refs/tags/", "refs/remotes/", fields=("objectname",))
    ]
    with local.scratch() as scratch:
        apart = repo.set_apart(scratch / "objects")
        for commit in moved:
            with contextlib.suppress(errors.GitFailed):  # a damaged one, on its way into the trash
                apart.keep([commit], but=["HEAD", *held], with_deltas=True)


def _to_hold(changes: Iterable[RefChange]) -> list[str]:
    """The commits without another ref; a commit that goes from ref to ref has one."""
    old, new = dict[str, None](), dict[str, None]()
    for change in changes:
        if change.old is not None:
            old[change.old] = None
        if change.new is not None:
            new[change.new] = None
    return [oid for oid in (*old, *new) if (oid in old) != (oid in new)]


def _decode(number: int, summary: str, body: bytes) -> Operation:
    """The operation in a message; raises one of many errors for a bad message."""
    data = json.loads(body)
    if data["format"] != _FORMAT:
        raise ValueError("of a later version")
    work, undoes = data.get("workspace"), data.get("undoes")
    if undoes is not None and not 0 < undoes < number:
        raise ValueError("only what came before can be undone")
    return Operation(
        summary,
        created=str(data["created"]),
        refs=_changes(data["refs"]),
        workspace=None if work is None else _workspace(work),
        undoes=undoes,
        number=number,
        beyond=str(data.get("beyond") or ""),
    )


def _changes(data: Iterable[Any]) -> tuple[RefChange, ...]:
    changes = tuple(RefChange(_ours(ref), _id(old), _id(new)) for ref, old, new in data)
    for change in changes:
        if not change.ref.startswith(_MOVED) and None not in (change.old, change.new):
            raise ValueError("gitexp makes branches and tags, and does not move them")
    return changes


def _workspace(data: Mapping[str, Any]) -> WorkspaceChange:
    before, after = _id(data["before"]), _id(data["after"])
    if before is None or after is None:
        raise ValueError("a tree is missing")
    # Whoever says so, no file becomes one that runs as its owner.
    modes = {str(name): int(mode) & 0o777 for name, mode in data["modes"].items()}
    filtered = data.get("filtered")
    return WorkspaceChange(
        worktree=str(data["worktree"]),
        before=before,
        after=after,
        modes=modes,
        raw=_id(data.get("raw")),
        written={str(name): _id(oid) or "" for name, oid in data.get("written", {}).items()},
        filtered=None if filtered is None else tuple(str(name) for name in filtered),
        folders={str(name): int(mode) & 0o777 for name, mode in data.get("folders", {}).items()},
    )


def _ours(ref: Any) -> str:
    if not isinstance(ref, str) or (_OURS.fullmatch(ref) is None and model_tags.of_ref(ref) is None):
        raise ValueError("not a ref that an operation changes")
    return ref


def _id(value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or _ID.fullmatch(value) is None):
        raise ValueError("not an object id")
    return value
