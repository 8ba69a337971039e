"""Changes taken into the workspace, file by file, for `apply` and `undo`.

A file has three versions: before the changes, after them, and here. The version here must equal one of the
others, or be stored somewhere: else it would be lost. The whole workspace is stored first, so that
everything can be taken back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitexp import errors
from gitexp.catalog.stored import stored_versions
from gitexp.project import exclusions
from gitexp.project.change import Transaction
from gitexp.project.hold import refuse_beside_orphan
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.repo.git import checkout, conversions, indexes, snapshot
from gitexp.repo.git.checkout import TreeChange, TreePlan
from gitexp.repo.git.indexes import Entry
from gitexp.repo.git.repository import Repository
from gitexp.repo.operations import Operation
from gitexp.words import human_size, shorten


@dataclass(frozen=True, slots=True)
class Takeover:
    """Changes to take over.

    Attributes:
        summary: the name of the operation, such as `apply exp-a`.
        leftovers: files that a run may have left here; they become as in the experiment too.
        modes: permission bits of files, by path.
        raw: files to write without Git's conversions, by path.
        undoes: the number of the operation that is taken back.
        force: overwrite files even if only the new operation stores them.
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
    """The outcome of `take_over`.

    Attributes:
        tree: the id of the workspace's tree, as it is now.
        operation: None if nothing had to be changed.
    """

    tree: str
    operation: Operation | None = None
    written: Sequence[str] = ()
    removed: Sequence[str] = ()
    warnings: Sequence[str] = ()


def take_over(project: Project, request: Takeover) -> Taken:
    """Store the workspace, then take changes into it.

    Raises UnsavedChanges, with nothing changed; WorkspaceBusy while a run goes on here;
    SnapshotRefused or UnmergedPaths if the workspace cannot be stored; StorageError.
    """
    transaction = Transaction.begin(project, request.summary, request.undoes)
    try:
        with live.workspace(project.local, project.repo.git_dir):
            refuse_beside_orphan(project)
            return _take_over(project, request, transaction)
    except errors.WorkspaceBusy as error:
        raise errors.WorkspaceBusy(error.message, "Wait for it to end, then try again.") from error


def _take_over(project: Project, request: Takeover, transaction: Transaction) -> Taken:
    repo = project.repo
    changes = [change for change in request.changes if not change.of_submodule]
    modules = [change.path for change in request.changes if change.of_submodule]
    warnings = [f"not taken over, a submodule: {shorten(modules)}"] if modules else []
    touched = [change.path for change in (*changes, *request.leftovers)]
    stamps = checkout.stamps_of(repo.root, touched)
    with project.local.scratch() as scratch:
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
        with transaction.replace_files(before, after, modes, raw) as operation:
            checkout.carry_out(repo, scratch, plan, stamps, request.modes, request.raw)
    return Taken(after, operation, sorted(plan.write), sorted(plan.remove), warnings)


def _unconverted(repo: Repository, scratch: Path, here: Mapping[str, Entry]) -> str | None:
    """A tree of the files that a checkout would not write as they are on disk; None if there are none."""
    lossy = conversions.not_restored(repo, scratch / "snapshot" / "index", scratch, list(here))
    files = [path for path in lossy if (repo.root / path).is_file() and not (repo.root / path).is_symlink()]
    if not files:
        return None
    blobs = repo.write_blobs([repo.root / path for path in files])
    indexes.put(repo, scratch / "raw", {p: (here[p][0], blob) for p, blob in zip(files, blobs, strict=True)})
    return repo.run("write-tree", index=scratch / "raw", durable=True).decode().strip()


def _rules(project: Project, touched: Iterable[str]) -> snapshot.Rules:
    """The rules for storing the workspace: all that a run would store, and all files to be changed."""
    root, config = project.repo.root, project.config
    excluded = exclusions.rule(root)

    def leave_out(path: str) -> snapshot.Verdict:
        if path.endswith("/"):
            return "a repository of its own"
        try:
            size = (root / path).lstat().st_size
        except OSError:
            size = 0
        if why := excluded(path):
            return why
        return f"over {human_size(config.max_untracked)}" if size > config.max_untracked else None

    # Ignored and large files too, for they will be overwritten. Not folders: `_refuse_obstacles` looks
    # into them if they are in the way.
    there = [path for path in touched if (root / path).is_symlink() or (root / path).is_file()]
    return snapshot.Rules(leave_out, max_untracked=2**63, declared=there)


def _plan(
    project: Project, request: Takeover, changes: Sequence[TreeChange], here: dict[str, Entry]
) -> TreePlan:
    """The files to write and to remove; raises UnsavedChanges."""
    doubtful = [c.path for c in changes if here.get(c.path) not in (None, c.old, c.new)]
    left = [c for c in request.leftovers if here.get(c.path) not in (None, c.new)]
    asked = (*doubtful, *(change.path for change in left))
    head, saved = stored_versions(project, {path: here[path][1] for path in asked})
    if not request.force:
        _refuse(project, request, [path for path in doubtful if path not in saved], head)
    replaceable = left if request.force else [change for change in left if change.path in saved]
    wanted = [change for change in changes if here.get(change.path) != change.new]
    wanted += [change for change in replaceable if change.path not in head]
    return _tree_plan(wanted)


def _tree_plan(changes: Iterable[TreeChange]) -> TreePlan:
    write: dict[str, Entry] = {}
    remove = []
    for change in changes:
        if change.new is None:
            remove.append(change.path)
        else:
            write[change.path] = change.new
    return TreePlan(write, remove)


def _refuse(project: Project, request: Takeover, lost: Sequence[str], head: Collection[str]) -> None:
    """Raise UnsavedChanges if unsaved files would be lost, or files as in HEAD reverted."""
    if not lost:
        return
    unsaved = [path for path in lost if path not in head]
    committed = [path for path in lost if path in head]
    parts = []
    if unsaved:
        parts.append(f"unsaved changes in {shorten(unsaved)}")
    if committed:
        parts.append(f"what was committed to {shorten(committed)}")
    name = "undo" if request.undoes is not None else request.summary
    raise errors.UnsavedChanges(
        f"gitexp {name} would overwrite {', and '.join(parts)}.",
        f"{_way_out(project, unsaved)} with --force; gitexp undo brings them back then.",
        paths=[*unsaved, *committed],
    )


def _way_out(project: Project, unsaved: Sequence[str]) -> str:
    if not unsaved:
        return "Overwrite it"
    # `git check-ignore` takes no pathspecs, and refuses to run if they are to be taken literally.
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
