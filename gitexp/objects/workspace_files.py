"""Files of a workspace put in their places and removed: each is the old one or the new one, never half.

Data and the files of Git come into a workspace in the same way: a file is made ready elsewhere and then
renamed. No path is followed through a link, because a link may lead out of the workspace.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from gitexp import errors, nofollow
from gitexp.folders import walk_folder
from gitexp.objects import paths
from gitexp.regex import regex

PREFIX, SUFFIX = ".gitexp-", ".tmp"  # of a file or folder that gitexp is writing in the workspace
_TEMPORARY = regex(r"\.gitexp-[0-9a-f]{16}\.tmp")


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
        for found in reversed(list(walk_folder(folder))):
            os.rmdir(found.path)


def umask() -> int:
    """The permission bits that this process takes from new files."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def keep_owner(old: Path, new: Path) -> None:
    """Give a new file the owner and the extended attributes of the regular file that it replaces.

    As far as this user may: only root gives files away.
    """
    try:
        of = old.lstat()
        if not stat.S_ISREG(of.st_mode) or new.is_symlink():
            return
        now = new.lstat()
        if hasattr(os, "chown") and (of.st_uid, of.st_gid) != (now.st_uid, now.st_gid):
            os.chown(new, of.st_uid, of.st_gid, follow_symlinks=False)
            new.chmod(stat.S_IMODE(now.st_mode))  # a change of the owner takes some bits away
    except OSError:
        return
    if hasattr(os, "listxattr"):
        _keep_attributes(old, new)


def _keep_attributes(old: Path, new: Path) -> None:
    with suppress(OSError):  # not every disk has them
        for name in os.listxattr(old, follow_symlinks=False):
            with suppress(OSError):
                os.setxattr(new, name, os.getxattr(old, name, follow_symlinks=False), follow_symlinks=False)


def set_folder_mode(root: Path, path: str, mode: int) -> None:
    """Set the permission bits of a folder; raises OSError, also for a link in its place.

    The mode may come from a stranger's operation: nobody else gets the right to write.
    """
    with nofollow.opened(root, path) as folder:
        if folder.fd is not None:
            os.fchmod(folder.fd, mode & ~0o002)


class WorkspaceFiles:
    """Changes files below `root`.

    Each folder on the way to a file is opened for each file: somebody may put a link in its place meanwhile.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._here = _users_folder(root)

    def put(self, new: str, path: str) -> None:
        """Move the finished file `new` to `path`, relative to the root.

        Replaces a file, a link or an empty folder. Raises UnsafePath for a path behind a link, and
        OSError.
        """
        with self._folder_of(path, make=True) as folder:
            name = os.path.basename(path)
            try:
                folder.put(new, name)
            except OSError:
                remove_empty(os.path.join(self._root, path))
                _put(new, folder, name)

    def remove(self, path: str, *, top: str = "") -> None:
        """Remove a file, then the folders at or below `top` that become empty.

        The user's current folder is never removed.
        """
        with suppress(FileNotFoundError), self._folder_of(path) as folder:
            folder.remove(os.path.basename(path))
        parent = os.path.dirname(path)
        while parent and paths.lies_in(parent, top) and not paths.lies_in(self._here, parent):
            try:
                with self._folder_of(parent) as folder:
                    folder.remove_folder(os.path.basename(parent))
            except OSError:  # it is not empty
                return
            parent = os.path.dirname(parent)

    def _folder_of(self, path: str, *, make: bool = False) -> nofollow.Folder:
        try:
            return nofollow.opened(self._root, os.path.dirname(path), make=make)
        except nofollow.NotPlain as error:
            link = os.path.relpath(error.filename, self._root)
            raise errors.UnsafePath(f"{path} lies behind {link}, which is a link or a file.") from error


def _users_folder(root: Path) -> str:
    """The user's current folder, relative to the root; "" if gone."""
    try:
        return os.path.relpath(os.getcwd(), os.path.realpath(root)).replace(os.sep, "/")
    except (OSError, ValueError):  # on Windows: another drive
        return ""


def _put(new: str, folder: nofollow.Folder, name: str) -> None:
    try:
        folder.put(new, name)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # The file was made on another disk: only a rename within one disk is whole.
        temporary = os.path.basename(beside(name))
        try:
            _copy(new, folder, temporary)
            folder.rename(temporary, name)
        finally:
            with suppress(FileNotFoundError):
                folder.remove(temporary)


def _copy(source: str, folder: nofollow.Folder, name: str) -> None:
    """Make a new file like `source`, or a new link."""
    if os.path.islink(source):
        os.symlink(os.readlink(source), folder.at(name), dir_fd=folder.fd)
        return
    folder.create(name)
    with open(source, "rb") as reading, open(folder.open(name, os.O_WRONLY), "wb") as writing:
        shutil.copyfileobj(reading, writing)
        writing.flush()
        # On POSIX, all that it calls takes a descriptor in place of a path.
        target: Any = folder.at(name) if folder.fd is None else writing.fileno()
        shutil.copystat(source, target)
