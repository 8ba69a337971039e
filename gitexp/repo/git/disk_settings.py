"""What the disk of a worktree can do, asked of the disk: Git's settings about it may be wrong.

`git init` asks once. A repository that was moved or copied since, or that somebody has configured by hand,
says `core.ignoreCase` where case counts, and files would be lost.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_PLAIN, _EXECUTABLE = 0o600, 0o700


def ask(root: Path, scratch: Path) -> dict[str, str]:
    """Git's settings for files below `root`, by key; no setting where the disk cannot be asked.

    The folder `scratch` is to be written to.
    """
    if os.name == "nt":  # there Git itself decides on modes and links
        return {}
    settings = {}
    if (folds := _folds_case(root / ".git")) is not None:
        settings["core.ignoreCase"] = str(folds).lower()
    try:
        if root.stat().st_dev != scratch.stat().st_dev:
            return settings
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            file = Path(folder, "file")
            if _has_modes(file):
                settings["core.fileMode"] = "true"
            if folds is None:  # GIT_WORK_TREE says where the workspace is
                settings["core.ignoreCase"] = str(bool(_folds_case(file))).lower()
            if _has_links(Path(folder, "link")):
                settings["core.symlinks"] = "true"
    except OSError:  # a disk that is full, or only to be read
        pass
    return settings


def _folds_case(file: Path) -> bool | None:
    """Whether a file is found by its name in upper case; None if there is no such file."""
    if not os.path.lexists(file):
        return None
    other = file.with_name(file.name.upper())
    return os.path.lexists(other) and os.path.samestat(file.lstat(), other.lstat())


def _has_modes(file: Path) -> bool:
    seen = []
    for mode in (_PLAIN, _EXECUTABLE):
        file.touch()
        file.chmod(mode)
        seen.append(bool(file.stat().st_mode & 0o100))
    return seen == [False, True]


def _has_links(link: Path) -> bool:
    try:
        link.symlink_to("nowhere")
    except OSError:
        return False
    return link.is_symlink()
