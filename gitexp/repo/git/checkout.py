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
from typing import NamedTuple

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.objects.paths import is_foreign
from gitexp.objects.workspace_files import WorkspaceFiles
from gitexp.repo.git import indexes
from gitexp.repo.git.indexes import Entry
from gitexp.repo.git.repository import FETCHING, Repository

_SUBMODULE = "160000"  # the mode of an entry that is another repository's commit
_NO_ENTRY = ("", "")
_ATTRIBUTES = ".gitattributes"

Stamp = tuple[int, int, int, int]  # of a file: modified and changed (ns), size, inode


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
    """The files in which two trees (or commits) differ."""
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
    return repo.run("write-tree", index=index, durable=True).decode().strip()


def obstacles(root: Path, plan: TreePlan) -> list[str]:
    """The paths in the way of the plan's files or their folders, except paths removed by the plan.

    An obstacle can be a link, a file in place of a folder, a folder in place of a file, or a repository.
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
    """The stamps of the files that exist; an untouched file keeps its stamp."""
    stamps = {}
    for path in paths:
        with contextlib.suppress(OSError):
            of = (root / path).lstat()
            if not stat.S_ISDIR(of.st_mode):
                stamps[path] = (of.st_mtime_ns, of.st_ctime_ns, of.st_size, of.st_ino)
    return stamps


def permissions(root: Path, paths: Iterable[str]) -> dict[str, int]:
    """The permission bits of the regular files that exist."""
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
    """Remove and write the plan's files; raises StorageError, with the changes so far made.

    Args:
        stamps: the stamps of the files at the last look; somebody may have saved a file since.
        modes: permission bits of some files before.
        raw: the entries of files to be written without Git's conversions.
    """
    files = WorkspaceFiles(repo.root)
    try:
        for path in plan.remove:
            _require_unchanged(repo.root, path, stamps)
            files.remove(path)
            failpoint("workspace:removed")
        # First: Git writes the other files as the attributes say.
        attributes, others = dict[str, Entry](), dict[str, Entry]()
        for path, entry in plan.write.items():
            (attributes if PurePosixPath(path).name == _ATTRIBUTES else others)[path] = entry
        for entries in (attributes, others):
            ready = _ready(repo, scratch, entries, raw)
            for path, entry in entries.items():
                _require_unchanged(repo.root, path, stamps)
                _set_mode(ready / path, repo.root / path, entry, modes.get(path))
                files.put(str(ready / path), path)
                failpoint("workspace:written")
    except OSError as error:
        raise errors.StorageError(
            f"{os.fsdecode(error.filename or 'A file')} could not be written: {error.strerror}.",
            "Put that right; gitexp undo takes back what has been written.",
        ) from error


def _ready(repo: Repository, scratch: Path, entries: Mapping[str, Entry], raw: Mapping[str, Entry]) -> Path:
    """A folder with the new files, ready to be moved: Git itself writes a file bit by bit."""
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
    """Give a new file the permissions of the old file; the entry says whether to make it executable."""
    if new.is_symlink():
        return
    old = permissions(target.parent, [target.name]).get(target.name)
    if known is not None:
        new.chmod(known)
    elif old is not None and entry[0] == "100755":
        new.chmod(old | (old & 0o444) >> 2)
    elif old is not None:
        new.chmod(old & ~0o111)
