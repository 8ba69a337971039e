"""Folders for isolated workspaces on a disk of one machine alone: `DISK/gitexp-UID/HASH/gitexp/worktrees/`.

Many users may have folders on the disk, and each has several repositories. The last two names are those of
the worktrees in the repository itself: so Git's list of worktrees tells which are gitexp's own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

from gitexp import errors

_OWN = ("gitexp", "worktrees")
PREFIX = "gitexp-node-"  # of the names of worktrees on such a disk


def prepared(disk: str, common_dir: Path) -> Path:
    """The folder for the worktrees of a repository, made if need be. Raises StorageError."""
    top = Path(disk, f"gitexp-{os.geteuid()}")
    try:
        Path(disk).mkdir(parents=True, exist_ok=True)
        top.mkdir(mode=0o700, exist_ok=True)
        found = top.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(13, "somebody else has that folder")
        folder = top / hashlib.sha256(os.fsencode(os.path.realpath(common_dir))).hexdigest()[:16]
        folder = folder.joinpath(*_OWN)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.StorageError(
            f"No workspace can be made in {top}: {error.strerror}.",
            "scratch: of the engine names a folder on the disk of the node; scratch: false does without.",
        ) from error
    return folder


def clear(folder: Path) -> None:
    """Remove the folder, and its own parents if empty."""
    with contextlib.suppress(OSError):
        for each in (folder, *folder.parents[: len(_OWN) + 1]):
            each.rmdir()


def is_slot(slot: Path) -> bool:
    """Whether a worktree, present or not, is gitexp's own on a node's disk."""
    return slot.name.startswith(PREFIX) and slot.parts[-3:-1] == _OWN
