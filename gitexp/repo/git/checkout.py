"""Files of the workspace taken from one tree to another: each the old file or the new file, never half.

New files are made beside the repository's own files and renamed over the old files, so a crash between two
files leaves each of them whole. Only the named files are looked at and changed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.folders import make_folder, walk_folder
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import is_foreign, leads_out
from gitexp.objects.workspace_files import WorkspaceFiles, keep_owner, set_folder_mode
from gitexp.repo.git import conversions, indexes
from gitexp.repo.git.git_calls import FETCHING
from gitexp.repo.git.indexes import Entry
from gitexp.repo.git.objects.new_objects import new_object
from gitexp.repo.git.repository import Repository

_SUBMODULE = "160000"  # the mode of an entry that is another repository's commit
_NO_ENTRY = ("", "")
_ATTRIBUTES = ".gitattributes"

_MODES = {"100644": 0o666, "100755": 0o777}
_FILES = (*_MODES, "120000")  # the modes of files and links
_TOGETHER = 500  # blobs that are in memory at a time


class TreeChange(NamedTuple):
    """A file with different entries in two trees; None for a tree without the file."""

    path: str
    old: Entry | None
    new: Entry | None

    @property
    def of_submodule(self) -> bool:
        return _SUBMODULE in ((self.old or _NO_ENTRY)[0], (self.new or _NO_ENTRY)[0])


class TreePlan(NamedTuple):
    """A change of the workspace: files to write, with their entries, and files to remove."""

    write: Mapping[str, Entry]
    remove: Collection[str]

    def __bool__(self) -> bool:
        return bool(self.write or self.remove)


def tree_changes(repo: Repository, old: str, new: str) -> list[TreeChange]:
    """The files where two trees (or commits) differ."""
    out = repo.run("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", old, new, "--")
    parts = iter(out.split(b"\0")[:-1])
    found = []
    for header, name in zip(parts, parts, strict=True):
        old_mode, new_mode, old_id, new_id, _ = header.decode().lstrip(":").split(" ")
        before = (old_mode, old_id) if old_id.strip("0") else None
        after = (new_mode, new_id) if new_id.strip("0") else None
        found.append(TreeChange(os.fsdecode(name), before, after))
    return found


def files_of(repo: Repository, tree: str) -> dict[str, Entry]:
    """Mode and id of every file in a tree (or commit), submodules included."""
    found = {}
    for entry in repo.run("ls-tree", "-r", "-z", "--full-tree", tree, "--").split(b"\0")[:-1]:
        meta, _, name = entry.partition(b"\t")
        mode, _, oid = meta.decode().split(" ")
        found[os.fsdecode(name)] = (mode, oid)
    return found


def with_plan(repo: Repository, scratch: Path, tree: str, plan: TreePlan) -> str:
    """The tree after the plan was carried out on `tree`."""
    index = scratch / "planned"
    repo.run("read-tree", "--end-of-options", tree, index=index)
    indexes.update(repo, index, [], sorted(plan.remove))
    indexes.put(repo, index, plan.write)
    return repo.set_apart(scratch / "objects").keep_index(index, but=tree)


def impossible(plan: TreePlan) -> str | None:
    """The first path of a plan that Git would not write; None if none exists.

    Somebody else may have made the trees: with paths that lead out, or with files below a link of theirs.
    """
    for path in (*plan.write, *plan.remove):
        if leads_out(path):
            return path
    for path, (mode, _) in plan.write.items():
        if mode not in _FILES or any(str(parent) in plan.write for parent in PurePosixPath(path).parents):
            return path
    return None


def obstacles(root: Path, plan: TreePlan) -> list[str]:
    """The paths in the way of the plan's files or their folders, except paths removed by the plan.

    An obstacle can be a link, a file in place of a folder, a folder in place of a file, or a repository.
    """
    removed = set(plan.remove)
    folders: dict[str, str | None] = {"": None}  # the obstacle at or above each folder
    found: dict[str, None] = {}
    for path in plan.write:
        obstacle = _above(str(root), os.path.dirname(path), folders)
        if obstacle is None:
            obstacle = _below(str(root), path, removed)
        if obstacle is not None and obstacle not in removed:
            found[obstacle] = None
    return list(found)


def _above(root: str, folder: str, known: dict[str, str | None]) -> str | None:
    """The obstacle at or above a folder: a repository with a slash at its end, a file or a link without."""
    unknown = []
    while folder not in known:
        unknown.append(folder)
        folder = os.path.dirname(folder)
    found = known[folder]
    for below in reversed(unknown):
        full = os.path.join(root, below)
        if found is None and os.path.lexists(os.path.join(full, ".git")):
            found = f"{below}/"
        elif found is None and is_foreign(full):
            found = below
        known[below] = found
    return found


def _below(root: str, path: str, removed: Collection[str]) -> str | None:
    """The path with a slash, if it is a folder with files that stay."""
    target = os.path.join(root, path)
    if os.path.isdir(target) and not os.path.islink(target):
        closed: list[OSError] = []
        for found in walk_folder(target, closed.append):
            below = os.path.relpath(found.path, root).replace(os.sep, "/")
            if any(f"{below}/{name}" not in removed for name in found.files):
                return f"{path}/"
        if closed:  # nobody can know what is in there
            return f"{path}/"
    return None


def disk_id(repo: Repository, path: str) -> str | None:
    """The id in Git of the bytes of a file, or of the target of a link; None for what is neither."""
    file = os.path.join(repo.root, path)
    if os.path.islink(file):
        return new_object("blob", os.fsencode(os.readlink(file)), repo.object_format).id
    return conversions.blob_of(repo, path)


def permissions(root: Path, paths: Iterable[str]) -> dict[str, int]:
    """The permission bits of the regular files that exist."""
    modes = {}
    for path in paths:
        with contextlib.suppress(OSError):
            mode = os.lstat(os.path.join(root, path)).st_mode
            if stat.S_ISREG(mode):
                modes[path] = stat.S_IMODE(mode)
    return modes


def folder_modes(root: Path, paths: Iterable[str]) -> dict[str, int]:
    """The permission bits of the folders above the paths, as far as the folders exist."""
    modes = {}
    folders: dict[PurePosixPath, None] = {}
    for path in paths:
        folders.update(dict.fromkeys(PurePosixPath(path).parents[:-1]))
    for folder in folders:
        with contextlib.suppress(OSError):
            mode = (root / folder).lstat().st_mode
            if stat.S_ISDIR(mode):
                modes[folder.as_posix()] = stat.S_IMODE(mode)
    return modes


def make_ready(repo: Repository, scratch: Path, plan: TreePlan, raw: Mapping[str, Entry]) -> Path:
    """A folder with the plan's new files, ready to be moved: Git itself writes a file bit by bit.

    The files get the conversions of the attributes that the workspace will have; the files `raw` get none.
    """
    folder = scratch / "files"
    folder.mkdir()
    _copy_attributes(repo.root, folder, plan)
    unconverted = {}
    for path in plan.write:
        if path in raw and raw[path][0] in _MODES:
            unconverted[path] = raw[path]
    if not _may_convert(repo, folder, plan):  # then Git itself writes the bytes of a blob, and more quickly
        unconverted = {path: entry for path, entry in unconverted.items() if entry != plan.write[path]}
    attributes, others = dict[str, Entry](), dict[str, Entry]()
    for path, entry in plan.write.items():
        if path not in unconverted:
            (attributes if PurePosixPath(path).name == _ATTRIBUTES else others)[path] = entry
    _write_raw(repo, folder, unconverted)
    for entries in (attributes, others):
        if entries:
            index = scratch / "to-write"
            index.unlink(missing_ok=True)
            indexes.put(repo, index, entries)
            env = {**FETCHING, "GIT_WORK_TREE": str(folder)}
            repo.run("checkout-index", "-q", "-a", "-f", index=index, env=env)
    return folder


def _may_convert(repo: Repository, folder: Path, plan: TreePlan) -> bool:
    """Whether settings or attributes, some of which `_copy_attributes` has found, may convert a new file."""
    if conversions.convert_by_themselves(repo) or any(found.files for found in walk_folder(folder)):
        return True
    return any(PurePosixPath(path).name == _ATTRIBUTES for path in plan.write)


def _copy_attributes(root: Path, folder: Path, plan: TreePlan) -> None:
    """Copy the files with attributes that the plan leaves as they are."""
    gone = {*plan.write, *plan.remove}
    parents: dict[PurePosixPath, None] = {}
    for name in plan.write:
        parents.update(dict.fromkeys(PurePosixPath(name).parents))
    for parent in parents:
        path = parent / _ATTRIBUTES
        source = root / path
        if path.as_posix() not in gone and source.is_file() and not source.is_symlink():
            make_folder(folder / parent)
            shutil.copyfile(source, folder / path)


def _write_raw(repo: Repository, folder: Path, entries: Mapping[str, Entry]) -> None:
    paths = list(entries)
    for at in range(0, len(paths), _TOGETHER):
        some = paths[at : at + _TOGETHER]
        for path, blob in zip(
            some, repo.read_blobs([entries[path][1] for path in some], most=None), strict=True
        ):
            if blob is None:
                raise errors.GitFailed(f"Git lacks what {path} was.", "gitexp doctor looks for damage.")
            target = os.path.join(folder, path)
            make_folder(os.path.dirname(target))
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            with os.fdopen(os.open(target, flags, _MODES[entries[path][0]]), "wb") as file:
                file.write(blob)


def converted_ids(repo: Repository, ready: Path, plan: TreePlan) -> dict[str, str]:
    """The ids of the bytes of those new files with other bytes than their blob."""
    there = repo.linked(ready, repo.git_dir)
    found = {}
    for path, entry in plan.write.items():
        if (oid := disk_id(there, path)) is not None and oid != entry[1]:
            found[path] = oid
    return found


def carry_out(
    repo: Repository,
    ready: Path,
    plan: TreePlan,
    known: Mapping[str, str],
    modes: Mapping[str, int],
    folders: Mapping[str, int],
) -> None:
    """Remove and write the plan's files; raises StorageError, with the changes so far made.

    Args:
        ready: the folder of `make_ready`.
        known: the `disk_id` of the files that are there: somebody may save another file meanwhile.
        modes: permission bits of some files before.
        folders: permission bits of folders that the plan may make anew.
    """
    files = WorkspaceFiles(repo.root)
    parents = set[str]()
    for path in plan.write:
        parents.update(map(PurePosixPath.as_posix, PurePosixPath(path).parents))
    missing = []
    for folder in folders:
        if folder in parents and not (repo.root / folder).is_dir():
            missing.append(folder)
    failpoint("workspace:ready")
    try:
        for path in plan.remove:
            _require_unchanged(repo, path, known)
            files.remove(path)
            failpoint("workspace:removed")
        for path, entry in plan.write.items():
            _require_unchanged(repo, path, known)
            _set_mode(ready / path, repo.root / path, entry, modes.get(path))
            keep_owner(repo.root / path, ready / path)
            files.put(str(ready / path), path)
            failpoint("workspace:written")
        for folder in sorted(missing, reverse=True):  # the inner ones first: the outer may become read-only
            set_folder_mode(repo.root, folder, folders[folder])
    except OSError as error:
        raise errors.StorageError(
            f"{os.fsdecode(error.filename or 'A file')} could not be written: {error.strerror}.",
            "Put that right, then run the same command again: it goes on.",
        ) from error


def _require_unchanged(repo: Repository, path: str, known: Mapping[str, str]) -> None:
    """Raise StorageError for a file with other bytes than at the last look.

    Time stamps do not tell: a write through mmap leaves them, and to replace a file changes those of its hard
    links.
    """
    if disk_id(repo, path) != known.get(path):
        raise errors.StorageError(
            f"{path} was changed by somebody else just now.",
            "Run the same command again: it goes on with the others.",
        )


def _set_mode(new: Path, target: Path, entry: Entry, known: int | None) -> None:
    """Give a new file the permissions of the old file; the entry says whether to make it executable."""
    if new.is_symlink():
        return
    old = permissions(target.parent, [target.name]).get(target.name)
    if known is not None:
        new.chmod(known & ~0o002 | (old or 0) & 0o002)  # who said so may be a stranger
    elif old is not None and entry[0] == "100755":
        new.chmod(old | (old & 0o444) >> 2)
    elif old is not None:
        new.chmod(old & ~0o111)
