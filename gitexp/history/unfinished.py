"""Changes of files that were stopped half way, by a crash or an error, and their end.

An operation is stored before its files change, with both trees. So each of its files is known: as before the
operation, as after it, or changed by somebody since. The first are changed now, the last are kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.history.takeover import PresentFiles, Taken, refuse_obstacles, snapshot_of, tree_plan
from gitexp.named_tuple import NamedTuple
from gitexp.objects.workspace_files import set_folder_mode
from gitexp.process.interrupts import held_back
from gitexp.project.hold import refuse_beside_orphan
from gitexp.project.project import Project
from gitexp.repo import live, operations
from gitexp.repo.git import checkout, conversions, graph
from gitexp.repo.git.checkout import TreeChange, TreePlan
from gitexp.repo.git.indexes import Entry
from gitexp.repo.git.repository import Repository
from gitexp.repo.operations import Operation, WorkspaceChange
from gitexp.words import shorten


class HalfDone(NamedTuple):
    """A stopped operation, and its files.

    Attributes:
        left: the changes still to be made.
        kept: the files changed by somebody since.
        gone: the removed files.
        known: the ids of the bytes on disk, by path.
    """

    operation: Operation
    left: list[TreeChange]
    kept: list[str]
    gone: list[str]
    known: Mapping[str, str]


def stopped(project: Project) -> list[HalfDone]:
    """The stopped operations of this worktree, the newest first; none while somebody works here.

    Raises the errors of a snapshot.
    """
    repo, local = project.repo, project.local
    found = []
    if operations.unfinished(repo, local):
        with contextlib.suppress(errors.WorkspaceBusy), live.workspace(local, repo.git_dir):
            for operation in operations.unfinished(repo, local):
                with project.local.scratch() as scratch:
                    found.append(_look(project, scratch, operation))
    return found


def left_of(project: Project, operation: Operation) -> list[TreeChange]:
    """The changes still to be made by a stopped operation."""
    if operation not in operations.unfinished(project.repo, project.local):
        return []
    with project.local.scratch() as scratch:
        return _look(project, scratch, operation).left


def finish(project: Project, *, but: int | None = None) -> Taken | None:
    """Make the changes that a stopped operation has left undone; None without such an operation.

    Files changed since are kept, and named in a warning.

    Args:
        but: the number of an operation to be left as it is: the caller takes it back.

    Raises WorkspaceBusy, UnsavedChanges for something in the way, StorageError.
    """
    repo, local = project.repo, project.local
    if project.dry_run or all(operation.number == but for operation in operations.unfinished(repo, local)):
        return None
    outcome = None
    with live.workspace(local, repo.git_dir):
        refuse_beside_orphan(project)
        for operation in operations.unfinished(repo, local):
            if operation.number != but:
                outcome = joined(outcome, _finish_if_possible(project, operation))
    return outcome


def joined(first: Taken | None, then: Taken) -> Taken:
    """Two outcomes as one; a warning names an operation finished before another operation."""
    if first is None:
        return then
    warnings = list(first.warnings)
    if first.operation is not None and then.operation not in (None, first.operation):
        warnings.insert(0, f"finished first, because it had been stopped: {first.operation.summary}")
    written = {*first.written, *then.written}.difference(then.removed)
    removed = {*first.removed, *then.removed}.difference(then.written)
    return Taken(
        then.tree,
        then.operation or first.operation,
        sorted(written),
        sorted(removed),
        [*warnings, *then.warnings],
        [*first.kept, *then.kept],
    )


def conversions_of(work: WorkspaceChange, changes: Iterable[TreeChange]) -> dict[str, Entry]:
    """The files written byte for byte by an operation."""
    raw = {}
    for change in changes:
        if work.filtered is not None and change.new is not None and change.path not in work.written:
            raw[change.path] = change.new
    return raw


def _finish_if_possible(project: Project, operation: Operation) -> Taken:
    try:
        with project.local.scratch() as scratch:
            taken = _finish(project, scratch, operation)
    except (errors.GitFailed, errors.UnsafePath) as error:
        # Damaged, or made up by somebody: it must not be in the way of all others for ever.
        is_damaged = not graph.is_complete(project.repo, operation.ref)
        if not is_damaged and not isinstance(error, errors.UnsafePath):
            raise
        taken = Taken("", warnings=[f"'{operation.summary}' was stopped, and cannot go on. {error.message}"])
    operations.files_done(project.local, operation)
    return taken


def _finish(project: Project, scratch: Path, operation: Operation) -> Taken:
    """Change the files still as before the operation."""
    repo, work = project.repo, operation.workspace
    assert work is not None
    found = _look(project, scratch, operation)
    plan = tree_plan(found.left)
    refuse_obstacles(project, plan)
    modes, folders = _modes(repo, operation)
    ready = checkout.make_ready(repo, scratch, plan, conversions_of(work, found.left))
    whole = TreePlan(plan.write, [*plan.remove, *found.gone])  # it may have left their folders
    with held_back():
        checkout.carry_out(repo, ready, whole, found.known, modes, {})
        failpoint("unfinished:files")
        for folder in _made_anew(repo, work, folders):
            set_folder_mode(repo.root, folder, folders[folder])
    warnings = []
    if found.kept:
        warnings.append(
            f"kept as it is, because it was changed since '{operation.summary}' was stopped: "
            f"{shorten(found.kept)}"
        )
    return Taken(work.after, operation, sorted(plan.write), sorted(plan.remove), warnings, found.kept)


def _modes(repo: Repository, operation: Operation) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """The permission bits of files and folders before the operation taken back."""
    for other in operations.all_of(repo):
        if other.number == operation.undoes and other.workspace is not None:
            return other.workspace.modes, other.workspace.folders
    return {}, {}


def _made_anew(repo: Repository, work: WorkspaceChange, folders: Iterable[str]) -> Iterator[str]:
    """The folders made by the operation, the inner folders first."""
    before, after = _folders(repo, work.before), _folders(repo, work.after)
    for folder in sorted(folders, reverse=True):
        if folder in after and folder not in before:
            yield folder


def _folders(repo: Repository, tree: str) -> set[str]:
    found = set()
    for path in checkout.files_of(repo, tree):
        for parent in PurePosixPath(path).parents:
            found.add(parent.as_posix())
    return found


def _look(project: Project, scratch: Path, operation: Operation) -> HalfDone:
    repo, work = project.repo, operation.workspace
    assert work is not None
    changes = []
    for change in checkout.tree_changes(repo, work.before, work.after):
        if not change.of_submodule:
            changes.append(change)
    paths = [change.path for change in changes]
    here = PresentFiles.of(repo, snapshot_of(project, scratch, paths), paths)
    found = HalfDone(operation, [], [], [], here.ids)
    filtered = paths if work.filtered is None else work.filtered
    clean = conversions.clean_ids(repo, filtered)
    for change in changes:
        forms = set[Entry | None]()
        if change.path in filtered:
            forms = here.forms(change.path, clean)
        _sort(found, work, change, here.of_disk(change.path), forms)
    return found


def _sort(
    found: HalfDone, work: WorkspaceChange, change: TreeChange, disk: Entry | None, forms: set[Entry | None]
) -> None:
    """Put a file where it belongs; `forms` are the entries of a file with a filter."""
    new = _written(work, change)
    if disk == new or (work.filtered is None and change.new in forms):
        if disk is None:
            found.gone.append(change.path)
    elif change.old in forms or _is_same(disk, change.old):
        found.left.append(change)
    elif not _is_same(disk, new):
        found.kept.append(change.path)


def _written(work: WorkspaceChange, change: TreeChange) -> Entry | None:
    """The mode and the id of the bytes of a file after the operation."""
    if change.new is None:
        return None
    return change.new[0], work.written.get(change.path, change.new[1])


def _is_same(disk: Entry | None, entry: Entry | None) -> bool:
    """Whether a file has the content of an entry; an operation for small edits knows no modes."""
    if disk is None or entry is None:
        return disk is entry
    is_link = disk[0] == "120000"
    return disk[1] == entry[1] and is_link == (entry[0] == "120000")
