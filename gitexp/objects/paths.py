"""Paths of artifacts: checks that they stay inside the workspace on every system.

Locks and manifests come from other people, and the files they name are written to disk. So a path that leads
out of the workspace, into `.git` or to a device is refused wherever it is read, on every system.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from gitexp.regex import regex

OWN_FOLDERS = (".git", ".gitexp")

_DEVICE = regex(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?", re.IGNORECASE)
_FOR_GIT = regex(r"\.git|git~[0-9]+")
_NOT_ON_WINDOWS = regex(r'[<>:"|?*\x00-\x1f]')
_IGNORED_BY_HFS = regex("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")  # as Git has them
# Most paths are harmless, and a folder may have 100,000 of them: one look tells which need a second.
_DOUBTFUL = regex(
    r"(^|/)(\.|git~|gitexp~|con|prn|aux|nul|com|lpt|/|$)|^.:|[\\\0]|[^\x00-\x7f]", re.IGNORECASE
)


def fault(path: str) -> str | None:
    """Why a path cannot be used for an artifact or a file in one; None if usable."""
    if not _DOUBTFUL.search(path) and sys.platform != "win32":
        return None
    if "\0" in path or "\\" in path:
        return "has a backslash or a NUL in it"
    if path.startswith("/") or re.match("[A-Za-z]:", path):
        return "is absolute"
    for part in path.split("/"):
        if why := _fault_of_part(part):
            return why
    return None


def _fault_of_part(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "is not written in the shortest way, or leads out of its folder"
    plain = _plain(part)
    if plain in OWN_FOLDERS or re.fullmatch(r"git(exp)?~\d+", plain):
        return "leads into a folder of Git's or gitexp's own"
    if _DEVICE.fullmatch(part):
        return "is the name of a device on Windows"
    if sys.platform == "win32" and (part[-1] in " ." or _NOT_ON_WINDOWS.search(part)):
        return "cannot be a name on Windows"
    return None


def leads_out(path: str) -> bool:
    """Whether a path in a tree of Git's leads out of the workspace, or into a Git folder.

    Git makes no such tree, but reads one that somebody else has made.
    """
    if not _DOUBTFUL.search(path):
        return False
    parts = path.split("/")
    return any(part in ("", ".", "..") or _FOR_GIT.fullmatch(_plain(part)) is not None for part in parts)


def _plain(part: str) -> str:
    """A name as the most tolerant of file systems takes it."""
    return _IGNORED_BY_HFS.sub("", part).rstrip(" .").casefold()


def clash(paths: Iterable[str]) -> tuple[str, str] | None:
    """Two paths that exclude each other: one lies in the other, or only their case differs. None if none."""
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
    """A path in the form for comparisons: equal for two paths that some system cannot tell apart."""
    return path.casefold() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def lies_in(path: str, folder: str) -> bool:
    """Whether a path equals a folder or lies in it; "" means the root."""
    return not folder or path == folder or path.startswith(folder + "/")


def is_any_in(paths: Iterable[str], folder: str) -> bool:
    """Whether one of some paths equals a folder or lies in it."""
    return any(lies_in(path, folder) for path in paths)


def lies_in_any(path: str, folders: Iterable[str]) -> bool:
    """Whether a path equals one of some folders or lies in it."""
    return any(lies_in(path, folder) for folder in folders)


def joined_paths(some: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    """The paths of both, each once, in their order."""
    return tuple(dict.fromkeys((*some, *more)))


def overlaps_any(path: str, others: Iterable[str]) -> bool:
    """Whether a path overlaps one of some others."""
    return any(overlap(path, other) for other in others)


def upward(path: str) -> Iterator[str]:
    """A path, then each folder around it from the inside out, without the root."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def overlap(one: str, other: str) -> bool:
    """Whether two paths are the same, or one lies in the other."""
    return lies_in(one, other) or lies_in(other, one)


def foreign_parent(root: str, path: str) -> str | None:
    """The first parent of a path at which no folder but a link or a file stands; None without one."""
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
