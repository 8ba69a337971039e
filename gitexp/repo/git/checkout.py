"""Files of the workspace taken from one tree to another: each is the old one or the new one, never half.

A new file is made beside the repository's own files and renamed over the old one, so that a crash
between two files leaves each of them whole. Nothing but the named files is looked at or changed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.failpoints import failpoint
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
    """Return what stands where the plan's files or their folders are to be, and is not removed by it.

    A symlink that leads elsewhere, a file in place of a folder or the reverse, a repository inside.
    """
    removed = set(plan.remove)
    found: dict[str, None] = {}
    for path in plan.write:
        for folder in reversed(PurePosixPath(path).parents[:-1]):
            full = root / folder
            if os.path.lexists(full / ".git"):
                found[f"{folder}/"] = None
            elif os.path.lexists(full) and (full.is_symlink() or not full.is_dir()):
                found.update({} if str(folder) in removed else {str(folder): None})
            else:
                continue
            break
        full = root / path
        if full.is_dir() and not full.is_symlink():
            below = (Path(top, name) for top, _, names in os.walk(full) for name in names)
            if any(file.relative_to(root).as_posix() not in removed for file in below):
                found[f"{path}/"] = None
    return list(found)


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
    try:
        for path in plan.remove:
            _require_unchanged(repo.root, path, stamps)
            _remove(repo.root, path)
            failpoint("workspace:removed")
        # By their attributes Git knows how the other files are to be written.
        attributes = [path for path in plan.write if PurePosixPath(path).name == _ATTRIBUTES]
        others = [path for path in plan.write if PurePosixPath(path).name != _ATTRIBUTES]
        for paths in (attributes, others):
            ready = _ready(repo, scratch, {path: plan.write[path] for path in paths}, raw)
            _move_in(repo.root, ready, {path: plan.write[path] for path in paths}, modes, stamps)
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


def _move_in(
    root: Path,
    folder: Path,
    entries: Mapping[str, Entry],
    modes: Mapping[str, int],
    stamps: Mapping[str, Stamp],
) -> None:
    for path, entry in entries.items():
        target = root / path
        _require_unchanged(root, path, stamps)
        _set_mode(folder / path, target, entry, modes.get(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir() and not target.is_symlink():
            _remove_empty(target)
        _rename(folder / path, target)
        failpoint("workspace:written")


def _remove_empty(folder: Path) -> None:
    """Remove a folder that has no files, with the folders in it."""
    for top, _, _ in os.walk(folder, topdown=False):
        Path(top).rmdir()


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


def _rename(new: Path, target: Path) -> None:
    try:
        new.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # The workspace is on another disk than the repository: there only a rename in place is whole.
        beside = target.with_name(f".gitexp-{os.getpid()}.tmp")
        try:
            shutil.copy2(new, beside, follow_symlinks=False)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)


def _remove(root: Path, path: str) -> None:
    """Remove a file, and the folders that it leaves empty; not the one the user stands in."""
    (root / path).unlink(missing_ok=True)
    here = Path.cwd()
    for folder in PurePosixPath(path).parents[:-1]:
        full = root / folder
        if here.is_relative_to(full.resolve()):
            return
        try:
            full.rmdir()
        except OSError:
            return
