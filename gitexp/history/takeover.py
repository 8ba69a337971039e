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
from gitexp.named_tuple import NamedTuple
from gitexp.project import exclusions
from gitexp.project.change import Transaction
from gitexp.project.hold import refuse_beside_orphan
from gitexp.project.ignore import is_ignored
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.repo.git import checkout, conversions, snapshot
from gitexp.repo.git.checkout import TreeChange, TreePlan
from gitexp.repo.git.indexes import Entry
from gitexp.repo.git.repository import Repository
from gitexp.repo.git.snapshot import Snapshot
from gitexp.repo.operations import Operation, WorkspaceChange, worktree_of
from gitexp.words import human_size, shorten


@dataclass(frozen=True, slots=True)
class Takeover:
    """Changes to take over.

    Attributes:
        summary: the name of the operation, like `apply exp-a`.
        leftovers: files that a run may have left here; they become as in the experiment too.
        modes: permission bits of files, by path.
        folders: permission bits of folders, by path.
        raw: files to write without Git's conversions, by path.
        written: the ids of the bytes that gitexp itself has written, where they differ from those in the
            changes; None where Git may have written the files.
        undoes: the number of the operation taken back.
        left: the changes still to be made by the operation taken back, if stopped. The new operation counts
            these as made, so a redo makes all of its changes.
        converted: the files of `left` that get Git's conversions.
        force: overwrite files even if only the new operation stores them.
    """

    summary: str
    changes: Sequence[TreeChange]
    leftovers: Sequence[TreeChange] = ()
    modes: Mapping[str, int] = field(default_factory=dict)
    folders: Mapping[str, int] = field(default_factory=dict)
    raw: Mapping[str, Entry] = field(default_factory=dict)
    written: Mapping[str, str] | None = None
    undoes: int | None = None
    left: Sequence[TreeChange] = ()
    converted: Collection[str] = ()
    force: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """The outcome of `take_over`.

    Attributes:
        tree: the id of the workspace's tree, in its present state.
        operation: None if nothing had to be changed.
        kept: the files of a stopped operation that somebody has changed since.
    """

    tree: str
    operation: Operation | None = None
    written: Sequence[str] = ()
    removed: Sequence[str] = ()
    warnings: Sequence[str] = ()
    kept: Sequence[str] = ()


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


def require_possible(project: Project, request: Takeover) -> None:
    """Raise the errors of `take_over` that are known before any change."""
    with project.local.scratch() as scratch:
        _prepare(project, request, scratch)


class _Prepared(NamedTuple):
    """A takeover that nothing speaks against.

    Attributes:
        before: the workspace, stored.
        submodules: the changed submodules; none of them is taken over.
    """

    before: Snapshot
    here: PresentFiles
    plan: TreePlan
    submodules: Sequence[str]


def _prepare(project: Project, request: Takeover, scratch: Path) -> _Prepared:
    changes, modules = [], []
    for change in request.changes:
        if change.of_submodule:
            modules.append(change.path)
        else:
            changes.append(change)
    touched = [change.path for change in (*changes, *request.leftovers)]
    before = snapshot_of(project, scratch, touched)
    here = PresentFiles.of(project.repo, before, touched)
    plan = _plan(project, request, changes, here)
    refuse_obstacles(project, plan)
    return _Prepared(before, here, plan, modules)


def _take_over(project: Project, request: Takeover, transaction: Transaction) -> Taken:
    repo, warnings = project.repo, []
    with project.local.scratch() as scratch:
        before, here, plan, submodules = _prepare(project, request, scratch)
        if submodules:
            warnings.append(f"not taken over, a submodule: {shorten(submodules)}")
        if not plan and request.undoes is None:
            return Taken(before.tree, warnings=warnings)
        paths = [*plan.write, *plan.remove]
        ready = checkout.make_ready(repo, scratch, plan, request.raw)
        workspace = WorkspaceChange(
            worktree=worktree_of(repo),
            before=_counted(repo, scratch, before.tree, request),
            after=checkout.with_plan(repo, scratch, before.tree, plan),
            modes=checkout.permissions(repo.root, paths),
            written=checkout.converted_ids(repo, ready, plan),
            filtered=(*before.filtered, *request.converted),
            folders=checkout.folder_modes(repo.root, plan.remove),
        )
        if project.dry_run:
            operation = transaction.planned(workspace)
        else:
            with transaction.replace_files(workspace) as operation:
                checkout.carry_out(repo, ready, plan, here.ids, request.modes, request.folders)
    return Taken(workspace.after, operation, sorted(plan.write), sorted(plan.remove), warnings)


def _counted(repo: Repository, scratch: Path, tree: str, request: Takeover) -> str:
    """The tree of the workspace, with what a stopped operation was to change."""
    if not request.left:
        return tree
    return checkout.with_plan(repo, scratch, tree, tree_plan(request.left))


def snapshot_of(project: Project, scratch: Path, touched: Sequence[str]) -> Snapshot:
    """The workspace, with the bytes of all files that may be changed.

    If Git cannot convert a file (attributes that came with an experiment may ask for what is not installed),
    all files are stored byte for byte.
    """
    rules = _rules(project, touched)
    try:
        (first := scratch / "snapshot").mkdir()
        return snapshot.take(project.repo, first, rules)
    except errors.GitexpError:
        (second := scratch / "unconverted").mkdir()
        return snapshot.take(project.repo, second, rules._replace(all_raw=True))


@dataclass(frozen=True, slots=True)
class PresentFiles:
    """The files of the workspace.

    Attributes:
        entries: by path, as the snapshot has them.
        ids: the ids of the bytes on disk, of the files that may be changed.
    """

    entries: Mapping[str, Entry]
    ids: Mapping[str, str]

    @classmethod
    def of(cls, repo: Repository, before: Snapshot, touched: Iterable[str]) -> PresentFiles:
        entries = checkout.files_of(repo, before.tree)
        ids = {}
        for path in touched:
            if path in before.filtered:
                ids[path] = checkout.disk_id(repo, path) or ""
            elif path in entries:
                ids[path] = entries[path][1]
        return cls(entries, ids)

    def of_disk(self, path: str) -> Entry | None:
        """The mode of a file and the id of its bytes on disk; None for a missing file."""
        if path not in self.entries:
            return None
        return self.entries[path][0], self.ids[path]

    def forms(self, path: str, clean: Mapping[str, str]) -> set[Entry | None]:
        """The entries that the file may have in Git: stored as it is, or after Git's conversions."""
        entry = self.entries.get(path)
        if entry is None:
            return {None}
        ids = {self.ids[path], entry[1], clean.get(path, entry[1])}
        return {(entry[0], oid) for oid in ids}


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
        if size > config.max_untracked:
            return f"over {human_size(config.max_untracked)}"
        return None

    # Ignored and large files too, for they will be overwritten. Not folders: `refuse_obstacles` looks
    # into them if they are in the way.
    there = [path for path in touched if (root / path).is_symlink() or (root / path).is_file()]
    return snapshot.Rules(leave_out, max_untracked=2**63, declared=there, raw=set(there))


def _plan(project: Project, request: Takeover, changes: Sequence[TreeChange], here: PresentFiles) -> TreePlan:
    """The files to write and to remove; raises UnsavedChanges."""
    compared = _FilesOnDisk.of(project, request, changes, here)
    doubtful = [change.path for change in changes if compared.is_doubtful(change)]
    left = [change for change in request.leftovers if compared.is_left(change)]
    head, saved = stored_versions(project, compared.ids([*doubtful, *(change.path for change in left)]))
    if not request.force:
        _refuse(project, request, [path for path in doubtful if path not in saved], head)
        left = [change for change in left if change.path in saved]
    wanted = [change for change in changes if not compared.is_as_wanted(change)]
    wanted += [change for change in left if change.path not in head]
    return tree_plan(wanted)


class _FilesOnDisk(NamedTuple):
    """The files on disk beside the changes asked for.

    Attributes:
        forms: the entries that each file may have in Git, by path.
    """

    request: Takeover
    here: PresentFiles
    forms: Mapping[str, set[Entry | None]]

    @classmethod
    def of(
        cls, project: Project, request: Takeover, changes: Sequence[TreeChange], here: PresentFiles
    ) -> _FilesOnDisk:
        everything = (*changes, *request.leftovers)
        clean: Mapping[str, str] = {}
        if request.written is None:
            unknown = []
            for change in everything:
                if here.of_disk(change.path) not in (None, change.old, change.new):
                    unknown.append(change.path)
            clean = conversions.clean_ids(project.repo, unknown)
        return cls(request, here, {change.path: here.forms(change.path, clean) for change in everything})

    def is_as_wanted(self, change: TreeChange) -> bool:
        """Whether the file is as it is after the change."""
        raw = self.request.raw
        if change.path in raw:
            return self.here.of_disk(change.path) == raw[change.path]
        return change.new in self.forms[change.path]

    def is_doubtful(self, change: TreeChange) -> bool:
        """Whether the file is neither as before the change nor as after it."""
        disk, written = self.here.of_disk(change.path), self.request.written
        if disk is None or self.is_as_wanted(change):
            return False
        if written is None or change.old is None:
            return self.forms[change.path].isdisjoint((change.old, change.new))
        mode, oid = change.old
        return disk != (mode, written.get(change.path, oid))

    def is_left(self, change: TreeChange) -> bool:
        """Whether a leftover is on disk, and not as it is to be."""
        return self.here.of_disk(change.path) is not None and not self.is_as_wanted(change)

    def ids(self, paths: Iterable[str]) -> dict[str, set[str]]:
        """The blobs that each of these files may be in Git."""
        ids: dict[str, set[str]] = {}
        for path in paths:
            ids[path] = {entry[1] for entry in self.forms[path] if entry is not None}
        return ids


def tree_plan(changes: Iterable[TreeChange]) -> TreePlan:
    """The files to write and to remove for some changes."""
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
    unsaved, committed = [], []
    for path in lost:
        if path in head:
            committed.append(path)
        else:
            unsaved.append(path)
    parts = []
    if unsaved:
        parts.append(f"unsaved changes in {shorten(unsaved)}")
    if committed:
        parts.append(f"what was committed to {shorten(committed)}")
    name = request.summary
    if request.undoes is not None:
        name = "undo"
    raise errors.UnsavedChanges(
        f"gitexp {name} would overwrite {', and '.join(parts)}.",
        f"{_way_out(project, unsaved)} with --force; gitexp undo brings them back then.",
        paths=[*unsaved, *committed],
    )


def _way_out(project: Project, unsaved: Sequence[str]) -> str:
    if not unsaved:
        return "Overwrite it"
    if is_ignored(project.repo, unsaved[0]):
        return "Git ignores it, so gitexp save does not store it: move it away, or overwrite it"
    return "Store them first (gitexp save), or overwrite them"


def refuse_obstacles(project: Project, plan: TreePlan) -> None:
    """Raise UnsavedChanges for something in the way of files, UnsafePath for paths that lead out."""
    if (path := checkout.impossible(plan)) is not None:
        raise errors.UnsafePath(
            f"{path} cannot be a file of a workspace: it leads out of it, or through a link.",
            "Whoever made this repository did so by hand; nothing was changed.",
        )
    if found := checkout.obstacles(project.repo.root, plan):
        raise errors.UnsavedChanges(
            f"Something else stands where files are to be written: {shorten(found)}.",
            "Move it away, then try again.",
            paths=found,
        )
