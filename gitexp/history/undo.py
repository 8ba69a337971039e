"""Take back what was done: the newest operation, or one by its number."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from gitexp import errors
from gitexp.history.takeover import Taken, Takeover, take_over
from gitexp.project.project import Project
from gitexp.repo import live, operations
from gitexp.repo.experiments import PREFIX as EXPERIMENTS
from gitexp.repo.git.checkout import files_of, tree_changes
from gitexp.repo.git.values import RefConflict
from gitexp.repo.operations import Operation
from gitexp.times import now

_BRANCHES = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Undone:
    """The operation that was taken back, and what became of the workspace (None: only refs moved)."""

    operation: Operation
    taken: Taken | None


def undo(project: Project, number: int | None = None, *, force: bool = False) -> Undone:
    """Take back the operation with that number, or the newest; that of an undo is to do it again.

    Raises NothingToUndo; UnsavedChanges for files that have been changed since, unless `force`.
    """
    operation = _chosen(project, number)
    if operation.workspace is not None:
        return Undone(operation, _undo_workspace(project, operation, force=force))
    _undo_refs(project, operation)
    return Undone(operation, None)


def undoable(project: Project) -> list[Operation]:
    """Return what `undo` can take back here, the newest first: what no other operation has taken back.

    To take back an undo is to do it again.
    """
    here = operations.worktree_of(project.repo)
    every = [
        operation
        for operation in operations.all_of(project.repo)
        if operation.workspace is None or operation.workspace.worktree == here
    ]
    undone = {operation.undoes for operation in every}
    return [operation for operation in every if operation.number not in undone]


def complete_pending(project: Project) -> list[Operation]:
    """Finish the operations that a crash has interrupted between two refs, and return them."""
    with contextlib.suppress(errors.GitexpError, OSError):  # the next command tries again
        return operations.complete(project.repo, project.local)
    return []


def cut_short(project: Project) -> list[Operation]:
    """Return the operations that a crash has interrupted between two files; each is told of once."""
    local = project.local
    with contextlib.suppress(errors.GitexpError, OSError):
        if any((local.root / "pending").iterdir()):
            with live.workspace(local, project.repo.git_dir):
                return operations.cut_short(project.repo, local)
    return []


def _chosen(project: Project, number: int | None) -> Operation:
    found = undoable(project)
    if number is None:
        if not found:
            raise errors.GitexpError(
                "There is nothing to undo.",
                "What can be undone: apply, branch, note, tag, rename, remove, restore, pull, import.",
                code="nothing-to-undo",
            )
        return found[0]
    for operation in found:
        if operation.number == number:
            return operation
    raise errors.GitexpError(
        f"There is no operation {number} that could be undone here.",
        "gitexp undo --list shows those there are.",
        code="nothing-to-undo",
    )


def _undo_workspace(project: Project, operation: Operation, *, force: bool) -> Taken:
    work = operation.workspace
    assert work is not None
    changes = tree_changes(project.repo, work.after, work.before)
    request = Takeover(
        _summary(operation),
        changes,
        modes=work.modes,
        raw={} if work.raw is None else files_of(project.repo, work.raw),
        undoes=operation.number,
        force=force,
    )
    return take_over(project, request)


def _undo_refs(project: Project, operation: Operation) -> None:
    back = tuple(change.reversed() for change in operation.refs)
    gone = {change.ref for change in back if change.new is None and change.ref.startswith(_BRANCHES)}
    for ref, place in project.repo.refs(*gone, fields=("refname", "worktreepath")) if gone else ():
        if place:
            branch = ref.decode("utf-8", "replace").removeprefix(_BRANCHES)
            raise errors.GitexpError(
                f"The branch {branch} is checked out.",
                "Switch to another one first: git switch -",
                code="nothing-to-undo",
            )
    reverse = Operation(_summary(operation), now(), back, undoes=operation.number)
    names = {change.ref.removeprefix(EXPERIMENTS) for change in back if change.ref.startswith(EXPERIMENTS)}
    project.local.prepare()
    try:
        with project.local.lock("names"):
            for name in names:  # one that came since may differ in case alone, which Git does not mind
                project.store.require_free(name, but=names)
            operations.carry_out(project.repo, project.local, reverse)
    except (RefConflict, errors.NameTaken) as error:
        raise errors.GitexpError(
            f"What '{operation.summary}' did has been changed since.",
            "gitexp undo --list shows what else can be undone.",
            code="nothing-to-undo",
        ) from error


def _summary(operation: Operation) -> str:
    """Return what taking back is called: `undo apply exp-a`, and of that `redo apply exp-a`."""
    verb, _, what = operation.summary.partition(" ")
    if operation.undoes is None or verb not in ("undo", "redo"):
        return f"undo {operation.summary}"
    return f"{'redo' if verb == 'undo' else 'undo'} {what}"
