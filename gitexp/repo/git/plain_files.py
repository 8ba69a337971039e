"""Files put into a tree by gitexp itself, where Git would store their bytes as they are.

A Git process for each step takes most of the time of a short run. So the usual case is done here: a few
regular files, of which no attribute and no setting converts one. In every other case the answer is None, and
Git does the work and has the words for what is wrong.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from gitexp import nofollow
from gitexp.regex import regex
from gitexp.repo.git import conversions, trees
from gitexp.repo.git.objects.new_objects import NewObject, new_object
from gitexp.repo.git.repository import Repository

MOST_FILES = 500
MOST_BYTES = 16 << 20  # of all files together: all are in memory at one time
_DEEPEST = 100  # folders; trees are changed by a function that calls itself for each

# No name that Git might refuse, as one that some disk takes for `.git` or `.gitmodules`: `git~1`, `.git::`.
_PLAIN_NAME = regex(r"(?!\.\.?$|\.git|git~)[\w .,+=@#%&()\[\]{}~^!-]+", re.ASCII | re.IGNORECASE)


def with_files(
    repo: Repository,
    tree: str,
    files: Iterable[str],
    removed: Iterable[str] = (),
    contents: Mapping[str, bytes] | None = None,
) -> str | None:
    """The tree `tree` with the files of the disk, stored; None if Git must do it.

    Args:
        files: paths to be read.
        removed: paths to be dropped from the tree.
        contents: contents in place of the disk's, by path; the file itself may be missing.

    Raises GitFailed if a tree is missing.
    """
    given = contents or {}
    files, removed = list(files), list(removed)
    if any(path.count("/") > _DEEPEST for path in (*files, *removed, *given)):
        return None
    changes: dict[str, trees.Change] = dict.fromkeys(removed)
    read = _read(repo, [path for path in files if path not in given], given)
    if read is None or conversions.may_convert(repo, tree, [*read]):
        return None
    with repo.writing_together():
        known = repo.ids_of([f"{tree}:{path}" for path in read])
        for (path, (mode, blob)), before in zip(read.items(), known, strict=True):
            changes[path] = (mode, blob.id)
            if blob.id != before:
                repo.write_blob(blob.content)
        return trees.changed(repo, tree, changes)


def _read(
    repo: Repository, files: Sequence[str], given: Mapping[str, bytes]
) -> dict[str, tuple[str, NewObject]] | None:
    """Mode and new blob of each file, by path; None for files that are not for this module."""
    if len(files) + len(given) > MOST_FILES or not repo.has_plain_disk():
        return None
    found = {}
    left = MOST_BYTES - sum(map(len, given.values()))
    for path in (*files, *given):
        if not all(map(_PLAIN_NAME.fullmatch, PurePosixPath(path).parts)):
            return None
        try:
            if path in given:
                mode, content = _mode_of(repo, path), given[path]
            else:
                mode, content = _file(repo, path, left)
                left -= len(content)
        except OSError:
            return None
        found[path] = (mode, new_object("blob", content, repo.object_format))
    return found


def _file(repo: Repository, path: str, most: int) -> tuple[str, bytes]:
    """Mode and content of a regular file on a path without links; else raises OSError."""
    outer, _, name = path.rpartition("/")
    with nofollow.opened(repo.root, outer) as folder, os.fdopen(folder.open(name, shared=True), "rb") as file:
        of = os.fstat(file.fileno())
        if of.st_size > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return mode_of(of), file.read()


def _mode_of(repo: Repository, path: str) -> str:
    """The mode of the file at a path, or of an ordinary file; raises OSError for a link."""
    try:
        of = (repo.root / path).lstat()
    except FileNotFoundError:
        return "100644"
    if not stat.S_ISREG(of.st_mode):
        raise nofollow.NotPlain(path, "plain file")
    return mode_of(of)


def mode_of(of: os.stat_result) -> str:
    """The mode in Git of a regular file with this stat."""
    return "100755" if of.st_mode & stat.S_IXUSR else "100644"
