"""Which paths an artifact may have: those that stay inside the workspace on every system.

Locks and manifests come from other people. What they name is written to disk, so a path that leads out,
into `.git`, or to a device is refused wherever it is read, whichever system this one is.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

OWN_FOLDERS = (".git", ".gitexp")

_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?", re.IGNORECASE)
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")  # as Git has them
# Most paths are harmless, and a folder may have 100,000 of them: one look tells which need a second.
_DOUBTFUL = re.compile(
    r"(^|/)(\.|git~|gitexp~|con|prn|aux|nul|com|lpt|/|$)|^.:|[\\\0]|[^\x00-\x7f]", re.IGNORECASE
)


def fault(path: str) -> str | None:
    """Return why a path cannot be that of an artifact or of a file in one; None for one that can."""
    if not _DOUBTFUL.search(path) and sys.platform != "win32":
        return None
    if "\0" in path or "\\" in path:
        return "has a backslash or a NUL in it"
    if path.startswith("/") or re.match("[A-Za-z]:", path):
        return "is absolute"
    return next((why for part in path.split("/") if (why := _fault_of_part(part))), None)


def _fault_of_part(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "is not written in the shortest way, or leads out of its folder"
    plain = _IGNORED_BY_HFS.sub("", part).rstrip(" .").casefold()
    if plain in OWN_FOLDERS or re.fullmatch(r"git(exp)?~\d+", plain):
        return "leads into a folder of Git's or gitexp's own"
    if _DEVICE.fullmatch(part):
        return "is the name of a device on Windows"
    if sys.platform == "win32" and (part != part.rstrip(" .") or re.search(r'[<>:"|?*\x00-\x1f]', part)):
        return "cannot be a name on Windows"
    return None


def clash(paths: Iterable[str]) -> tuple[str, str] | None:
    """Return two paths that would be one where case does not count, or of which one lies in the other."""
    files = list(paths)
    folders: set[str] = set()
    for path in files:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    seen: dict[str, str] = {}
    for path in (*folders, *files):
        key = folded(path)
        if key in seen:
            return seen[key], path
        seen[key] = path
    return None


def folded(path: str) -> str:
    """Return what two paths have in common that are one on some system."""
    return path.casefold() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def lies_in(path: str, folder: str) -> bool:
    """Return whether a path is that of a folder or of something in it; "" is the root."""
    return not folder or path == folder or path.startswith(folder + "/")


def overlap(one: str, other: str) -> bool:
    """Return whether two paths are the same, or one is in the other."""
    return lies_in(one, other) or lies_in(other, one)


def foreign_parent(root: str, path: str) -> str | None:
    """Return the first of a path's parents that is there and is no real folder: a symlink, or a file."""
    for parent in reversed(PurePosixPath(path).parents[:-1]):
        full = os.path.join(root, parent)
        if is_foreign(full):
            return str(parent)
    return None


def is_foreign(full: str) -> bool:
    """Whether a link or a file stands at an absolute path, where a real folder is wanted."""
    try:
        return not stat.S_ISDIR(os.lstat(full).st_mode)
    except OSError:
        return False
