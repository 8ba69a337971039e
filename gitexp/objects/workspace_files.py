"""Files of a workspace put in their places and removed: each is the old one or the new one, never half.

Data and the files of Git come into a workspace in the same way: a file is made ready elsewhere and then
renamed. No path is followed through a link, because a link may lead out of the workspace.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from gitexp import errors
from gitexp.objects import paths

PREFIX, SUFFIX = ".gitexp-", ".tmp"  # of a file or folder that gitexp is writing in the workspace
_TEMPORARY = re.compile(r"\.gitexp-[0-9a-f]{16}\.tmp")


def is_temporary(name: str) -> bool:
    """Whether a file or folder has a name from `beside`: gitexp was writing it when it died."""
    return _TEMPORARY.fullmatch(name) is not None  # whole: the user may have a .gitexp-notes.tmp


def beside(target: str | Path) -> str:
    """A new path in the folder of `target`, for a file to replace it."""
    return os.path.join(os.path.dirname(target), f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}")


def remove_empty(folder: str) -> None:
    """Remove a folder that holds no files, with the folders in it. A link or a file stays.

    Raises OSError if the folder holds a file.
    """
    if os.path.isdir(folder) and not os.path.islink(folder):
        for top, _, _ in os.walk(folder, topdown=False):
            os.rmdir(top)


class WorkspaceFiles:
    """Changes files below `root`. A folder is checked and made once: use a new object for each change."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._ready: set[str] = set()  # folders
        self._here = _users_folder(root)

    def put(self, new: str, path: str) -> None:
        """Move the finished file `new` to `path`, relative to the root.

        Replaces a file, a link or an empty folder. Raises UnsafePath for a path behind a link, and
        OSError.
        """
        folder = os.path.dirname(path)
        if folder not in self._ready:
            if (link := paths.foreign_parent(self._root, path)) is not None:
                raise errors.UnsafePath(f"{path} lies behind {link}, which is a link.")
            os.makedirs(os.path.join(self._root, folder), exist_ok=True)
            self._ready.add(folder)
        target = os.path.join(self._root, path)
        try:
            os.replace(new, target)
        except OSError:
            remove_empty(target)
            _replace(new, target)

    def remove(self, path: str, *, top: str = "") -> None:
        """Remove a file, then the folders at or below `top` that become empty.

        The user's current folder is never removed.
        """
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self._root, path))
        folder = os.path.dirname(path)
        while folder and paths.lies_in(folder, top) and not paths.lies_in(self._here, folder):
            try:
                os.rmdir(os.path.join(self._root, folder))
            except OSError:  # it is not empty
                return
            self._ready.discard(folder)
            folder = os.path.dirname(folder)


def _users_folder(root: Path) -> str:
    """The user's current folder, relative to the root; "" if gone."""
    try:
        return os.path.relpath(os.getcwd(), os.path.realpath(root)).replace(os.sep, "/")
    except (OSError, ValueError):  # on Windows: another drive
        return ""


def _replace(new: str, target: str) -> None:
    try:
        os.replace(new, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # The file was made on another disk: only a rename within one disk is whole.
        temporary = beside(target)
        try:
            shutil.copy2(new, temporary, follow_symlinks=False)
            os.replace(temporary, target)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
