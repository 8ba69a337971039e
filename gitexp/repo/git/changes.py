"""The differences between the disk and an index, by `git status`."""

from __future__ import annotations

import os
from pathlib import Path

from gitexp import errors
from gitexp.regex import regex
from gitexp.repo.git import indexes
from gitexp.repo.git.disk_files import is_repository, is_special
from gitexp.repo.git.repository import Repository
from gitexp.words import shorten

_SUBMODULE = b"160000"  # the mode of a commit of another repository
_HEAD = b"# branch.oid "  # Git's line on HEAD begins so
_UNSEEN = regex("could not open directory|unable to access|Permission denied|Input/output error")


class Changes:
    """The differences between the disk and the index.

    Attributes:
        add: tracked paths to be read.
        remove: tracked paths to be dropped.
        untracked: other paths; the path of a repository ends in a slash.
        unmerged: paths with conflicts, an obstacle to a snapshot like `special` and `modules`.
        special: pipes, sockets and devices in place of a tracked file.
        modules: submodules with changes of their own.
        attributes: whether Git's conversions may have changed since HEAD.
        head: the commit with the tree of the index; "" for an index with another tree.
    """

    def __init__(self) -> None:
        self.add: list[str] = []
        self.remove: list[str] = []
        self.untracked: list[str] = []
        self.unmerged: list[str] = []
        self.special: list[str] = []
        self.modules: list[str] = []
        self.attributes = False
        self.head = ""


def differences(repo: Repository, index: Path) -> Changes:
    """The differences between disk and index; raises SnapshotRefused for paths that Git cannot look at."""
    changes = Changes()
    is_staged = False
    for entry in _status(repo, index).split(b"\0"):
        changes.attributes |= entry.endswith((b" .gitattributes", b"/.gitattributes"))
        match entry[:1]:
            case b"#":
                if entry.startswith(_HEAD):
                    changes.head = entry.removeprefix(_HEAD).decode()
            case b"1":
                is_staged |= entry[2:3] != b"."
                if entry[3:4] != b".":
                    _sort_in(repo.root, entry, changes)
            case b"u":
                changes.unmerged.append(os.fsdecode(entry.split(b" ", 10)[10]))
            case b"?":
                changes.untracked.append(os.fsdecode(entry[2:]))
    if is_staged:
        changes.head = ""
    return changes


def _status(repo: Repository, index: Path) -> bytes:
    args = ("status", "--porcelain=v2", "--branch", "-z", "--no-renames", "--no-ahead-behind")
    status, out, err = repo.call(*args, "--untracked-files=all", "--ignore-submodules=none", index=index)
    # Git passes over paths that it cannot look at, with a word on stderr and an exit status of 0.
    if status != 0 or _UNSEEN.search(err):
        raise indexes.refusal(args, status, err)
    return out


def _sort_in(root: Path, entry: bytes, changes: Changes) -> None:
    """Put the path of a changed entry, a line of `git status`, into the right list."""
    _, _, module, _, mode, work_mode, _, _, name = entry.split(b" ", 8)
    path = os.fsdecode(name)
    if mode != _SUBMODULE and is_repository(root / path):
        changes.untracked.append(path + "/")
    elif module[2:3] == b"M" or module[3:4] == b"U":
        changes.modules.append(path)
    elif is_special(root / path):
        changes.special.append(path)
    elif work_mode == b"000000":
        changes.remove.append(path)
    else:
        changes.add.append(path)


def require_storable(changes: Changes) -> None:
    """Raise UnmergedPaths or SnapshotRefused for tracked paths without an exact copy."""
    if changes.unmerged:
        raise errors.RepositoryError(
            f"A merge is not finished: {shorten(changes.unmerged)}.",
            "Resolve the conflicts (git status), then run.",
            code="unmerged-paths",
        )
    if changes.modules:
        raise errors.SnapshotRefused(
            f"A submodule has changes that this repository cannot store: {shorten(changes.modules)}.",
            "Commit inside the submodule (or clean it), then run.",
            paths=changes.modules,
        )
    if changes.special:
        raise errors.SnapshotRefused(
            f"A tracked path is now a pipe, socket or device: {shorten(changes.special)}.",
            "Put the file back, or remove the path, then run.",
            paths=changes.special,
        )
