"""Take back changes, the last first, and do again what was taken back."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gitexp import errors
from gitexp.history import unfinished
from gitexp.history.takeover import Taken, Takeover, take_over
from gitexp.named_tuple import NamedTuple
from gitexp.project.change import Transaction, names_held
from gitexp.project.project import Project
from gitexp.repo import operations
from gitexp.repo.experiments import PREFIX as EXPERIMENTS
from gitexp.repo.git.checkout import TreeChange, files_of, tree_changes
from gitexp.repo.git.indexes import Entry
from gitexp.repo.git.values import RefChange, RefConflict
from gitexp.repo.operations import Operation, WorkspaceChange

_BRANCHES = "refs/heads/"
_TAGS = "refs/tags/"


class Step(NamedTuple):
    """A change of the user, with the effects of undo and redo.

    Attributes:
        first: the operation of the change itself.
        last: the last undo or redo of the change, or else `first`: the operation to reverse.
        is_undone: whether the change is taken back now.
    """

    first: Operation
    last: Operation
    is_undone: bool

    @property
    def number(self) -> int:
        return self.first.number

    @property
    def summary(self) -> str:
        return self.first.summary

    @property
    def created(self) -> str:
        return self.first.created


@dataclass(frozen=True, slots=True)
class Undone:
    """The outcome of `undo`.

    Attributes:
        step: the change before the undo.
        taken: the changed files; None if only refs moved.
    """

    step: Step
    taken: Taken | None

    @property
    def operation(self) -> Operation:
        """The reversed operation."""
        return self.step.last


def undo(project: Project, number: int | None = None, *, force: bool = False) -> Undone:
    """Take back the last change in force, or the change with a number. Another call goes further back.

    A stopped undo goes on; files changed since are kept then, unless `force`. Raises NothingToUndo;
    UnsavedChanges for files changed since, unless `force`.
    """
    if (step := _stopped(project, number, is_undone=True)) is not None:
        return _go_on(project, step, force=force)
    return _reverse(project, _to_undo(project, number), force=force)


def redo(project: Project, number: int | None = None, *, force: bool = False) -> Undone:
    """Do again what `undo` took back last, or the change with a number; raises the errors of `undo`."""
    if (step := _stopped(project, number, is_undone=False)) is not None:
        return _go_on(project, step, force=force)
    return _reverse(project, _to_redo(project, number), force=force)


def undoable(project: Project) -> list[Step]:
    """The changes that stand, the last first: `undo` takes back the first."""
    return [step for step in _steps(project) if not step.is_undone]


def redoable(project: Project) -> list[Step]:
    """The changes taken back, from the last undo to the first."""
    return [step for step in _steps(project) if step.is_undone]


def touched(project: Project, steps: Sequence[Step]) -> list[list[str]]:
    """What each step changes: the names of experiments and branches, and the paths of files."""
    found = []
    for step in steps:
        names = dict.fromkeys(filter(None, (_thing(change.ref) for change in step.last.refs)))
        paths = list[str]()
        if (work := step.last.workspace) is not None:
            with contextlib.suppress(errors.GitexpError):  # damaged: doctor says so
                paths = [change.path for change in tree_changes(project.repo, work.before, work.after)]
        found.append([*names, *paths])
    return found


def _thing(ref: str) -> str:
    """The name of an experiment, `branch x` or `tag x`; "" for a ref of gitexp's own."""
    if ref.startswith(_BRANCHES):
        return f"branch {ref.removeprefix(_BRANCHES)}"
    if ref.startswith(EXPERIMENTS):
        return ref.removeprefix(EXPERIMENTS)
    if ref.startswith(_TAGS):
        return f"tag {ref.removeprefix(_TAGS)}"
    return ""


def _steps(project: Project) -> list[Step]:
    """The changes of this workspace and of refs in their present state, the last first."""
    here = operations.worktree_of(project.repo)
    every = [one for one in operations.all_of(project.repo) if _concerns(one, here)]
    by_number, steps = dict[int, int](), dict[int, Step]()  # the number of an operation -> that of the first
    for one in reversed(every):
        first = by_number.get(one.undoes or 0, one.number)
        by_number[one.number] = first
        before = steps.get(first)
        is_undone = before is not None and not before.is_undone
        steps[first] = Step(before.first if before is not None else one, one, is_undone)
    return sorted(steps.values(), key=lambda step: step.last.number, reverse=True)


def _concerns(operation: Operation, worktree: str) -> bool:
    return operation.workspace is None or operation.workspace.worktree == worktree


def _stopped(project: Project, number: int | None, *, is_undone: bool) -> Step | None:
    """The last change, or that with a number, if its undo (or its redo) was stopped half way."""
    begun = {operation.number for operation in operations.unfinished(project.repo, project.local)}
    for step in _steps(project) if begun else ():
        is_meant = number is None or number in (step.number, step.last.number, step.last.undoes)
        if is_meant and step.last.number in begun and step.last.undoes is not None:
            return step if step.is_undone is is_undone else None
        if number is None:
            return None
    return None


def _go_on(project: Project, step: Step, *, force: bool) -> Undone:
    """Finish a stopped undo or redo."""
    operation = step.last
    taken = unfinished.finish(project)
    work = operation.workspace
    if taken is not None and taken.operation is None:
        raise errors.GitFailed(taken.warnings[0], "gitexp doctor looks for damage.")
    if taken is not None and taken.kept and force and work is not None:
        changes = []
        for change in tree_changes(project.repo, work.before, work.after):
            if change.path in taken.kept:
                changes.append(change)
        request = Takeover(
            operation.summary, changes, raw=unfinished.conversions_of(work, changes), force=True
        )
        taken = unfinished.joined(replace(taken, warnings=()), take_over(project, request))
    return Undone(step._replace(is_undone=not step.is_undone), taken)


def _to_undo(project: Project, number: int | None) -> Step:
    found = undoable(project)
    if number is None and not found:
        raise errors.GitexpError(
            "There is nothing to undo.",
            "What can be undone: apply, branch, note, tag, rename, remove, restore, pull, import, model, "
            "add, init, remote, and params that run -S has changed.",
            code="nothing-to-undo",
        )
    if number is None:
        step = found[0]
        _refuse_beyond(step, found[1:])
        return step
    for step in found:
        if number in (step.number, step.last.number):
            _refuse_beyond(step, ())
            return step
    for step in redoable(project):
        if number in (step.number, step.last.number):
            raise errors.GitexpError(
                f"'{step.first.summary}' has been taken back already.",
                f"To do it again: gitexp redo {step.number}",
                code="nothing-to-undo",
            )
    raise _no_step(number, "undo")


def _to_redo(project: Project, number: int | None) -> Step:
    found = redoable(project)
    if number is None:
        stand = undoable(project)
        newest = max((step.first.number for step in stand), default=0)
        if not found:
            raise errors.GitexpError("There is nothing to do again.", code="nothing-to-undo")
        if newest > found[0].last.number:
            raise errors.GitexpError(
                f"'{stand[0].first.summary}' was done since the last undo.",
                f"If '{found[0].first.summary}' is meant all the same: gitexp redo {found[0].number}",
                code="nothing-to-undo",
            )
        return found[0]
    for step in found:
        if number in (step.number, step.last.number):
            return step
    raise _no_step(number, "redo")


def _no_step(number: int, verb: str) -> errors.GitexpError:
    return errors.GitexpError(
        f"There is no operation {number} to {verb} here.",
        f"gitexp {verb} --list shows those there are.",
        code="nothing-to-undo",
    )


def _refuse_beyond(step: Step, earlier: Sequence[Step]) -> None:
    """Raise NothingToUndo for a change that nobody can take back."""
    if not step.first.beyond:
        return
    hint = None
    for other in earlier:
        if not other.first.beyond:
            hint = f"What was done before, '{other.first.summary}': gitexp undo {other.number}"
            break
    raise errors.GitexpError(
        f"'{step.first.summary}' is out of reach of undo: {step.first.beyond}.", hint, code="nothing-to-undo"
    )


def _reverse(project: Project, step: Step, *, force: bool) -> Undone:
    operation = step.last
    if operation.workspace is not None:
        return Undone(step, _undo_workspace(project, operation, force=force))
    _undo_refs(project, operation)
    return Undone(step, None)


def _undo_workspace(project: Project, operation: Operation, *, force: bool) -> Taken:
    work = operation.workspace
    assert work is not None
    finished = unfinished.finish(project, but=operation.number)
    left = unfinished.left_of(project, operation)
    changes = tree_changes(project.repo, work.after, work.before)
    request = Takeover(
        _summary(operation),
        changes,
        modes=work.modes,
        folders=work.folders,
        raw=_unconverted(project, work, changes),
        written=None if work.filtered is None else work.written,
        undoes=operation.number,
        left=left,
        converted=[change.path for change in left if change.path in work.written],
        force=force,
    )
    return unfinished.joined(finished, take_over(project, request))


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
    gone = []
    for change in changes:
        if change.new is None and change.ref.startswith(_BRANCHES):
            gone.append(change.ref)
    if not gone:
        return
    for ref, place in project.repo.refs(*gone, fields=("refname", "worktreepath")):
        if place:
            branch = ref.decode("utf-8", "replace").removeprefix(_BRANCHES)
            raise errors.GitexpError(
                f"The branch {branch} is checked out.", _way_off(project, ref), code="nothing-to-undo"
            )


def _way_off(project: Project, ref: bytes) -> str:
    """The way to the branch before, from a branch that is to go.

    `git switch` takes away files that only the present branch has, and Git did not track before.
    """
    status, out, _ = project.repo.call("rev-parse", "--symbolic-full-name", "@{-1}")
    before = os.fsdecode(out).strip()
    if status != 0 or not before.startswith(_BRANCHES) or project.repo.head().branch != os.fsdecode(ref):
        return "Switch to another one first: git switch -"
    name = before.removeprefix(_BRANCHES)
    go = f"git symbolic-ref HEAD {shlex.quote(before)} && git reset --quiet"
    return f"To be on {name} with the files as they are: {go}"


def _summary(operation: Operation) -> str:
    """The name of taking back: `undo apply exp-a`, and to take that back `redo apply exp-a`."""
    verb, _, what = operation.summary.partition(" ")
    if operation.undoes is None or verb not in ("undo", "redo"):
        return f"undo {operation.summary}"
    if verb == "undo":
        return f"redo {what}"
    return f"undo {what}"
