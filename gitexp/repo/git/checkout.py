"""Files of the workspace taken from one tree to another: each is the old one or the new one, never half.

A new file is made beside the repository's own files and renamed over the old one, so that a crash
between two files leaves each of them whole. Nothing but the named files is looked at or changed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.objects.paths import is_foreign
from gitexp.objects.workspace_files import WorkspaceFiles
from gitexp.repo.git import indexes
from gitexp.repo.git.indexes import Entry
from gitexp.repo.git.repository import FETCHING, Repository

_SUBMODULE = "160000"  # the mode of an entry that is another repository's commit
_ATTRIBUTES = ".gitattributes"

Stamp = tuple[int, int, int, int]  # of a file: modified and changed (ns), size, inode


@dataclass(frozen=True, slots=True)
class TreeChange:
    """One file from one tree to another; None where it is not there."""

    path: str
    old: Entry | None
    new: Entry | None

    @property
    def of_submodule(self) -> bool:
        return any(entry is not None and entry[0] == _SUBMODULE for entry in (self.old, self.new))


@dataclass(frozen=True, slots=True)
class TreePlan:
    """What is to become of the workspace: files to write, and files to remove."""

    write: Mapping[str, Entry] = field(default_factory=dict)
    remove: Collection[str] = ()

    def __bool__(self) -> bool:
        return bool(self.write or self.remove)


def tree_changes(repo: Repository, old: str, new: str) -> list[TreeChange]:
    """Return the files in which two trees (or commits) differ."""
    out = repo.run("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", old, new, "--")
    parts = iter(out.split(b"\0")[:-1])
    found = []
    for header, name in zip(parts, parts, strict=True):
        old_mode, new_mode, old_id, new_id, _ = header.decode().lstrip(":").split(" ")
        before = None if not old_id.strip("0") else (old_mode, old_id)
        after = None if not new_id.strip("0") else (new_mode, new_id)
        found.append(TreeChange(os.fsdecode(name), before, after))
    return found


def files_of(repo: Repository, tree: str) -> dict[str, Entry]:
    """Return mode and id of every file in a tree (or commit), submodules included."""
    found = {}
    for entry in repo.run("ls-tree", "-r", "-z", "--full-tree", tree, "--").split(b"\0")[:-1]:
        meta, _, name = entry.partition(b"\t")
        mode, _, oid = meta.decode().split(" ")
        found[os.fsdecode(name)] = (mode, oid)
    return found


def with_plan(repo: Repository, scratch: Path, tree: str, plan: TreePlan) -> str:
    """Return the tree that the workspace will be when a plan has been carried out on `tree`."""
    index = scratch / "planned"
    repo.run("read-tree", "--end-of-options", tree, index=index)
    indexes.update(repo, index, [], sorted(plan.remove))
    indexes.put(repo, index, plan.write)
    return repo.run("write-tree", index=index, durable=True).decode().strip()


def obstacles(root: Path, plan: TreePlan) -> list[str]:
    """Whatever stands in the way of the plan's files or their folders and is not removed by the plan.

    An obstacle is a link, a file in place of a folder, a folder in place of a file, or a repository.
    """
    removed = set(plan.remove)
    found = [_obstacle(root, path, removed) for path in plan.write]
    return list(dict.fromkeys(each for each in found if each is not None))


def _obstacle(root: Path, path: str, removed: Collection[str]) -> str | None:
    for folder in map(str, reversed(PurePosixPath(path).parents[:-1])):
        full = root / folder
        if os.path.lexists(full / ".git"):
            return f"{folder}/"
        if is_foreign(str(full)):
            return None if folder in removed else folder
    target = root / path
    if target.is_dir() and not target.is_symlink():
        for top, _, names in os.walk(target):
            below = Path(top).relative_to(root)
            if any((below / name).as_posix() not in removed for name in names):
                return f"{path}/"
    return None


def stamps_of(root: Path, paths: Iterable[str]) -> dict[str, Stamp]:
    """Return what tells whether a file has been touched since, of those that are there."""
    stamps = {}
    for path in paths:
        with contextlib.suppress(OSError):
            of = (root / path).lstat()
            if not stat.S_ISDIR(of.st_mode):
                stamps[path] = (of.st_mtime_ns, of.st_ctime_ns, of.st_size, of.st_ino)
    return stamps


def permissions(root: Path, paths: Iterable[str]) -> dict[str, int]:
    """Return the permission bits of those regular files that are there."""
    modes = {}
    for path in paths:
        with contextlib.suppress(OSError):
            mode = (root / path).lstat().st_mode
            if stat.S_ISREG(mode):
                modes[path] = stat.S_IMODE(mode)
    return modes


def carry_out(
    repo: Repository,
    scratch: Path,
    plan: TreePlan,
    stamps: Mapping[str, Stamp],
    modes: Mapping[str, int],
    raw: Mapping[str, Entry],
) -> None:
    """Remove and write the plan's files.

    `stamps` are those of the files when they were last looked at: somebody may have saved one since.
    `modes` are permission bits that some files had before, `raw` the entries of those that Git is not
    to convert.
    Raises StorageError; what has been changed by then stays so.
    """
    files = WorkspaceFiles(repo.root)
    try:
        for path in plan.remove:
            _require_unchanged(repo.root, path, stamps)
            files.remove(path)
            failpoint("workspace:removed")
        # By their attributes Git knows how the other files are to be written.
        attributes = [path for path in plan.write if PurePosixPath(path).name == _ATTRIBUTES]
        others = [path for path in plan.write if PurePosixPath(path).name != _ATTRIBUTES]
        for paths in (attributes, others):
            ready = _ready(repo, scratch, {path: plan.write[path] for path in paths}, raw)
            for path in paths:
                _require_unchanged(repo.root, path, stamps)
                _set_mode(ready / path, repo.root / path, plan.write[path], modes.get(path))
                files.put(str(ready / path), path)
                failpoint("workspace:written")
    except OSError as error:
        raise errors.StorageError(
            f"{os.fsdecode(error.filename or 'A file')} could not be written: {error.strerror}.",
            "Put that right; gitexp undo takes back what has been written.",
        ) from error


def _ready(repo: Repository, scratch: Path, entries: Mapping[str, Entry], raw: Mapping[str, Entry]) -> Path:
    """Return a folder that holds the files as they are to be: Git writes a file bit by bit."""
    index, folder = scratch / "to-write", scratch / "files"
    shutil.rmtree(folder, ignore_errors=True)
    index.unlink(missing_ok=True)
    if entries:
        indexes.put(repo, index, entries)
        repo.run("checkout-index", "-q", "-a", f"--prefix={folder}/", index=index, env=FETCHING)
    unconverted = [path for path in entries if path in raw]
    blobs = repo.read_blobs([raw[path][1] for path in unconverted])
    for path, blob in zip(unconverted, blobs, strict=True):
        (folder / path).write_bytes(blob or b"")
    failpoint("workspace:ready")
    return folder


def _require_unchanged(root: Path, path: str, stamps: Mapping[str, Stamp]) -> None:
    if stamps_of(root, [path]).get(path) != stamps.get(path):
        raise errors.StorageError(
            f"{path} was changed by somebody else just now.",
            "gitexp undo takes back what has been written before it.",
        )


def _set_mode(new: Path, target: Path, entry: Entry, known: int | None) -> None:
    """Give a new file the permissions of the one that it replaces, executable or not as the entry says."""
    if new.is_symlink():
        return
    old = permissions(target.parent, [target.name]).get(target.name)
    if known is None and old is not None:
        known = old | (old & 0o444) >> 2 if entry[0] == "100755" else old & ~0o111
    if known is not None:
        new.chmod(known)
