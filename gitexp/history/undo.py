"""Take back an operation: the newest, or one by its number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.history.takeover import Taken, Takeover, take_over
from gitexp.project.change import Transaction, names_held
from gitexp.project.project import Project
from gitexp.repo import operations
from gitexp.repo.experiments import PREFIX as EXPERIMENTS
from gitexp.repo.git.checkout import TreeChange, files_of, tree_changes
from gitexp.repo.git.indexes import Entry
from gitexp.repo.git.values import RefChange, RefConflict
from gitexp.repo.operations import Operation, WorkspaceChange

_BRANCHES = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Undone:
    """The outcome of `undo`.

    Attributes:
        operation: the operation that was taken back.
        taken: the files that changed; None if only refs moved.
    """

    operation: Operation
    taken: Taken | None


def undo(project: Project, number: int | None = None, *, force: bool = False) -> Undone:
    """Take back the newest operation, or the one with a number; to take back an undo is to redo.

    Raises NothingToUndo; UnsavedChanges for files that were changed since, unless `force`.
    """
    operation = _chosen(project, number)
    if operation.workspace is not None:
        return Undone(operation, _undo_workspace(project, operation, force=force))
    _undo_refs(project, operation)
    return Undone(operation, None)


def undoable(project: Project) -> list[Operation]:
    """The operations that `undo` can take back here, the newest first."""
    here = operations.worktree_of(project.repo)
    every = [one for one in operations.all_of(project.repo) if _concerns(one, here)]
    undone = {operation.undoes for operation in every}
    return [operation for operation in every if operation.number not in undone]


def _concerns(operation: Operation, worktree: str) -> bool:
    return operation.workspace is None or operation.workspace.worktree == worktree


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
        folders=work.folders,
        raw=_unconverted(project, work, changes),
        written=None if work.filtered is None else work.written,
        undoes=operation.number,
        force=force,
    )
    return take_over(project, request)


def _unconverted(
    project: Project, work: WorkspaceChange, changes: Sequence[TreeChange]
) -> Mapping[str, Entry]:
    """The files to be written byte for byte."""
    if work.filtered is None:
        return files_of(project.repo, work.raw) if work.raw is not None else {}
    raw = {}
    for change in changes:
        if change.new is not None and change.path not in work.filtered:
            raw[change.path] = change.new
    return raw


def _undo_refs(project: Project, operation: Operation) -> None:
    back, names = [], set()
    for change in operation.refs:
        back.append(change.reversed())
        if change.ref.startswith(EXPERIMENTS):
            names.add(change.ref.removeprefix(EXPERIMENTS))
    _refuse_checked_out(project, back)
    try:
        with names_held(project):
            # A newer name may differ in case alone, and Git does not mind.
            project.store.require_free(*names, but=names)
            Transaction.begin(project, _summary(operation), operation.number).move(*back)
    except (RefConflict, errors.NameTaken) as error:
        raise errors.GitexpError(
            f"What '{operation.summary}' did has been changed since.",
            "gitexp undo --list shows what else can be undone.",
            code="nothing-to-undo",
        ) from error


def _refuse_checked_out(project: Project, changes: Sequence[RefChange]) -> None:
    """Raise NothingToUndo if a change deletes a branch on which somebody works."""
    gone = {change.ref for change in changes if change.new is None and change.ref.startswith(_BRANCHES)}
    if not gone:
        return
    for ref, place in project.repo.refs(*gone, fields=("refname", "worktreepath")):
        if place:
            branch = ref.decode("utf-8", "replace").removeprefix(_BRANCHES)
            raise errors.GitexpError(
                f"The branch {branch} is checked out.",
                "Switch to another one first: git switch -",
                code="nothing-to-undo",
            )


def _summary(operation: Operation) -> str:
    """The name of taking back: `undo apply exp-a`, and to take that back `redo apply exp-a`."""
    verb, _, what = operation.summary.partition(" ")
    if operation.undoes is None or verb not in ("undo", "redo"):
        return f"undo {operation.summary}"
    if verb == "undo":
        return f"redo {what}"
    return f"undo {what}"
