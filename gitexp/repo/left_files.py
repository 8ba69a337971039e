"""The files that a run has left in an isolated workspace, and that nothing has stored.

The next run there cleans the workspace: what is worth it is moved away before.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from gitexp import errors
from gitexp.folders import is_behind_link, open_folders
from gitexp.objects.paths import lies_in_any
from gitexp.objects.workspace_files import WorkspaceFiles
from gitexp.regex import regex
from gitexp.repo.git import conversions, indexes
from gitexp.repo.git.repository import Repository

_MADE_AGAIN = {
    *("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".ipynb_checkpoints"),
    *(".venv", "venv", ".tox", "node_modules"),
}
_DVC_TMP = regex(r"(?:.*/)?\.dvc/tmp/", re.DOTALL)
_DVC_CACHE = regex(r"(?:.*/)?\.dvc/cache/", re.DOTALL)


def keep(
    worktree: Repository,
    start: str,
    tree: str,
    share: Sequence[str],
    scratch: Path,
    target: Path,
    *,
    stored: Sequence[str] = (),
) -> list[str]:
    """Move the files left by a run to `target`, before a next run has them cleaned; the moved files.

    These are files that `tree` does not have, or has with another content although they were written since
    the tree `start`. Files at `stored` paths are stored already, shared files are links, and caches come
    again by themselves: these stay.
    """
    index = scratch / "left"
    worktree.run("read-tree", "--end-of-options", tree, index=index)
    written = dict.fromkeys([*_untracked(worktree, index), *_rewritten(worktree, start, index)])
    left = [name for name in written if not lies_in_any(name, stored)]
    moved, worth = [], _worth_keeping(worktree.root, left, share)
    if worth:
        target.mkdir(parents=True, exist_ok=True)
    files = WorkspaceFiles(target)
    for name in worth:
        with contextlib.suppress(OSError, errors.UnsafePath):
            try:
                files.put(str(worktree.root / name), name)
            except PermissionError:  # the folder is read-only
                open_folders(worktree.root)
                files.put(str(worktree.root / name), name)
            moved.append(name)
    return moved


def _untracked(worktree: Repository, index: Path) -> list[str]:
    """The files of a worktree that an index does not have, in closed folders too: these are opened."""
    args = ("ls-files", "--others", "-z")
    _, out, complaint = worktree.call(*args, index=index)
    if complaint:
        open_folders(worktree.root)
        out = worktree.run(*args, index=index)
    return [os.fsdecode(entry).rstrip("/") for entry in out.split(b"\0")[:-1]]


def _rewritten(worktree: Repository, start: str, index: Path) -> list[str]:
    """The files with a content on disk that is neither in the tree `start` nor in the index.

    Their bytes are compared as they are, and as Git converts them.
    """
    at_start = _touched(worktree, start)
    if not at_start:
        return []
    stored = indexes.entries(worktree, index, [*at_start])
    same = set()
    for ids in (conversions.clean_ids(worktree, at_start), conversions.plain_ids(worktree, at_start)):
        for name, blob in ids.items():
            if blob == at_start[name] or (name in stored and stored[name][1] == blob):
                same.add(name)
    return [name for name in at_start if name not in same]


def _touched(worktree: Repository, start: str) -> dict[str, str]:
    """The files and links on disk that were perhaps written since, with their blobs in the tree `start`."""
    words = ("--raw", "--no-abbrev", "-z", "--no-renames", "--ignore-submodules", "--end-of-options")
    entries = worktree.run("diff-index", *words, start, "--").split(b"\0")
    found = {}
    for meta, path in zip(entries[:-1:2], entries[1::2], strict=True):
        name = os.fsdecode(path)
        # Behind a link are files of somebody else, such as shared ones.
        if _is_file(worktree.root / name) and not is_behind_link(worktree.root, name):
            found[name] = meta.split()[2].decode()
    return found


def _is_file(path: Path) -> bool:
    """Whether a file or a link is there."""
    try:
        kind = path.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(kind) or stat.S_ISLNK(kind)


def _worth_keeping(root: Path, names: Sequence[str], share: Sequence[str]) -> list[str]:
    """The untracked files without shared ones and without caches."""
    shared = {path.rstrip("/") for path in share}
    found, has_links = [], False
    for name in names:
        is_link = (root / name).is_symlink()
        if is_link and name in shared:
            continue
        if _MADE_AGAIN.isdisjoint(name.split("/")) and not _DVC_TMP.match(name):
            found.append(name)
            has_links |= is_link
    # DVC's cache has second copies of a run's outputs, unless the outputs are links into the cache.
    if has_links:
        return found
    return [name for name in found if not _DVC_CACHE.match(name)]
