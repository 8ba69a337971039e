"""Changes taken into the workspace, file by file: what `apply` and `undo` have in common.

Of three versions of a file (before the changes, after them, here) the one here must be one of the
others, or be stored somewhere: else it would be lost. The whole workspace is stored first, so that
whatever happens can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitexp import errors
from gitexp.catalog.stored import stored_versions
from gitexp.failpoints import failpoint
from gitexp.process.interrupts import held_back
from gitexp.project import exclusions
from gitexp.project.hold import refuse_beside_orphan
from gitexp.project.project import Project
from gitexp.repo import live, operations
from gitexp.repo.git import checkout, conversions, indexes, snapshot
from gitexp.repo.git.checkout import TreeChange, TreePlan
from gitexp.repo.git.indexes import Entry
from gitexp.repo.git.repository import Repository
from gitexp.repo.operations import Operation, WorkspaceChange
from gitexp.times import now
from gitexp.words import human_size, shorten


@dataclass(frozen=True, slots=True)
class Takeover:
    """What is to be taken over, and why.

    `leftovers` are files that a run may have left here: these become as in the experiment too.
    `modes` are permission bits that files had, `raw` what is to be written unconverted. With `force`
    files are overwritten though they are stored nowhere else than in the operation.
    """

    summary: str
    changes: Sequence[TreeChange]
    leftovers: Sequence[TreeChange] = ()
    modes: Mapping[str, int] = field(default_factory=dict)
    raw: Mapping[str, Entry] = field(default_factory=dict)
    undoes: int | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """What was done. `tree` is the workspace as it is now.

    `operation` is None where there was nothing to do.
    """

    tree: str
    operation: Operation | None = None
    written: Sequence[str] = ()
    removed: Sequence[str] = ()
    warnings: Sequence[str] = ()


def take_over(project: Project, request: Takeover) -> Taken:
    """Take changes into the workspace, which is stored before.

    Raises UnsavedChanges, with nothing changed; WorkspaceBusy while a run goes on here;
    SnapshotRefused or UnmergedPaths if the workspace cannot be stored; StorageError.
    """
    repo, local = project.repo, project.local
    local.prepare()
    try:
        with live.workspace(local, repo.git_dir):
            refuse_beside_orphan(project)
            return _take_over(project, request)
    except errors.WorkspaceBusy as error:
        raise errors.WorkspaceBusy(error.message, "Wait for it to end, then try again.") from error


def _take_over(project: Project, request: Takeover) -> Taken:
    repo, local = project.repo, project.local
    changes = [change for change in request.changes if not change.of_submodule]
    modules = [change.path for change in request.changes if change.of_submodule]
    warnings = [f"not taken over, a submodule: {shorten(modules)}"] if modules else []
    touched = [change.path for change in (*changes, *request.leftovers)]
    stamps = checkout.stamps_of(repo.root, touched)
    with local.scratch() as scratch:
        (scratch / "snapshot").mkdir()
        before = snapshot.take(repo, scratch / "snapshot", _rules(project, touched)).tree
        here = checkout.files_of(repo, before)
        plan = _plan(project, request, changes, here)
        if not plan:
            return Taken(before, warnings=warnings)
        _refuse_obstacles(project, plan)
        paths = [*plan.write, *plan.remove]
        after = checkout.with_plan(repo, scratch, before, plan)
        modes = checkout.permissions(repo.root, paths)
        raw = _unconverted(repo, scratch, {path: here[path] for path in paths if path in here})
        change = WorkspaceChange(operations.worktree_of(repo), before, after, modes, raw)
        operation = Operation(request.summary, now(), workspace=change, undoes=request.undoes)
        operation = operations.carry_out(repo, local, operation)
        failpoint("takeover:stored")
        # Half of the files are no state to be left in: a Ctrl-C waits.
        with held_back(), operations.changing_files(local, operation):
            checkout.carry_out(repo, scratch, plan, stamps, request.modes, request.raw)
    return Taken(after, operation, sorted(plan.write), sorted(plan.remove), warnings)


def _unconverted(repo: Repository, scratch: Path, here: Mapping[str, Entry]) -> str | None:
    """Return a tree of those files that a checkout would not give back as they are on disk; None: all are."""
    lossy = conversions.not_restored(repo, scratch / "snapshot" / "index", scratch, list(here))
    files = [path for path in lossy if (repo.root / path).is_file() and not (repo.root / path).is_symlink()]
    if not files:
        return None
    blobs = repo.write_blobs([repo.root / path for path in files])
    indexes.put(repo, scratch / "raw", {p: (here[p][0], blob) for p, blob in zip(files, blobs, strict=True)})
    return repo.run("write-tree", index=scratch / "raw", durable=True).decode().strip()


def _rules(project: Project, touched: Iterable[str]) -> snapshot.Rules:
    """Return what is stored of the workspace: all that a run would store, and what will be touched."""
    root, config = project.repo.root, project.config
    excluded = exclusions.rule(root)

    def leave_out(path: str) -> snapshot.Verdict:
        if path.endswith("/"):
            return "a repository of its own"
        try:
            size = (root / path).lstat().st_size
        except OSError:
            size = 0
        return excluded(path) or (
            f"over {human_size(config.max_untracked)}" if size > config.max_untracked else None
        )

    # Whatever stands where something will be written, ignored and large files too. Not folders: what
    # is in them is looked at when they are in the way.
    there = [path for path in touched if (root / path).is_symlink() or (root / path).is_file()]
    return snapshot.Rules(leave_out, max_untracked=2**63, declared=there)


def _plan(
    project: Project, request: Takeover, changes: Sequence[TreeChange], here: dict[str, Entry]
) -> TreePlan:
    """Return what is to be written and removed; raises UnsavedChanges."""
    doubtful = [c for c in changes if here.get(c.path) not in (None, c.old, c.new)]
    left = [c for c in request.leftovers if here.get(c.path) not in (None, c.new)]
    head, saved = stored_versions(project, {c.path: here[c.path][1] for c in (*doubtful, *left)})
    if not request.force:
        both = [c.path for c in doubtful if c.path in head and c.path not in saved]
        unsaved = [c.path for c in doubtful if c.path not in head and c.path not in saved]
        _refuse(project, request, unsaved, both)
    wanted = {c.path: c.new for c in changes if here.get(c.path) != c.new}
    wanted |= {c.path: c.new for c in left if c.path not in head and (request.force or c.path in saved)}
    return TreePlan(
        {path: entry for path, entry in wanted.items() if entry is not None},
        [path for path, entry in wanted.items() if entry is None],
    )


def _refuse(project: Project, request: Takeover, unsaved: Sequence[str], both: Sequence[str]) -> None:
    """Raise UnsavedChanges if there is something that would be lost or reverted."""
    if not unsaved and not both:
        return
    what = f"unsaved changes in {shorten(unsaved)}" if unsaved else f"what was committed to {shorten(both)}"
    if unsaved and both:
        what += f", and what was committed to {shorten(both)}"
    name = "undo" if request.undoes is not None else request.summary
    raise errors.UnsavedChanges(
        f"gitexp {name} would overwrite {what}.",
        f"{_way_out(project, unsaved)} with --force; gitexp undo brings them back then.",
        paths=[*unsaved, *both],
    )


def _way_out(project: Project, unsaved: Sequence[str]) -> str:
    if not unsaved:
        return "Overwrite it"
    # It takes no pathspecs, and says so where they are to be taken literally.
    args = ("check-ignore", "-q", "--", unsaved[0])
    if project.repo.call(*args, env={"GIT_LITERAL_PATHSPECS": "0"})[0] == 0:
        return "Git ignores it, so gitexp save does not store it: move it away, or overwrite it"
    return "Store them first (gitexp save), or overwrite them"


def _refuse_obstacles(project: Project, plan: TreePlan) -> None:
    if found := checkout.obstacles(project.repo.root, plan):
        raise errors.UnsavedChanges(
            f"Something else stands where files are to be written: {shorten(found)}.",
            "Move it away, then try again.",
            paths=found,
        )
