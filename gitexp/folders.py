"""Folders of any depth: made, walked through and removed.

`os.makedirs`, and in Python 3.11 `os.walk` and `shutil.rmtree` too, call themselves for each level. So a
thousand levels end the process, and any training script can make these. Here is a loop in place of the calls.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from gitexp.named_tuple import NamedTuple

_FOLDER = (
    os.O_RDONLY
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


def make_folder(path: str | Path) -> None:
    """Make a folder and the missing folders above it; an existing folder is left alone. Raises OSError."""
    missing = [os.fspath(path)]
    while missing:
        try:
            os.mkdir(missing[-1])
        except FileNotFoundError:
            above = os.path.dirname(missing[-1])
            if above == missing[-1]:
                raise
            missing.append(above)
            continue
        except OSError:  # it is there, or the system says so in other words
            if not os.path.isdir(missing[-1]):
                raise
        missing.pop()


class WalkedFolder(NamedTuple):
    """A folder met by a walk.

    Attributes:
        path: the path of the folder, beginning with the top of the walk.
        folders: names of the folders in it; the walk leaves out those that the caller takes away.
        files: names of all other entries: links too, and pipes.
    """

    path: str
    folders: list[str]
    files: list[str]


def walk_folder(top: str | Path, on_error: Callable[[OSError], None] | None = None) -> Iterator[WalkedFolder]:
    """Yield a folder and all folders below it, each before those in it. No link is followed.

    A folder that cannot be listed is passed over, and `on_error` called.
    """
    waiting = [os.fspath(top)]
    while waiting:
        path = waiting.pop()
        try:
            found = _listed(path)
        except OSError as error:
            if on_error is not None:
                on_error(error)
            continue
        yield found
        waiting += [os.path.join(path, name) for name in reversed(found.folders)]


def _listed(path: str) -> WalkedFolder:
    found = WalkedFolder(path, [], [])
    with os.scandir(path) as entries:
        for entry in entries:
            names = found.folders if entry.is_dir(follow_symlinks=False) else found.files
            names.append(entry.name)
    return found


def remove_folder(top: str | Path) -> None:
    """Remove a folder with all its content. No link is followed.

    Raises FileNotFoundError without the folder; OSError for the first entry that cannot be removed, when all
    others are gone.
    """
    if not shutil.rmtree.avoids_symlink_attacks:  # Windows: it has no such descriptors, nor paths so long
        shutil.rmtree(top)
        return
    top = os.path.abspath(top)
    above = os.open(os.path.dirname(top), _FOLDER & ~getattr(os, "O_NOFOLLOW", 0))
    try:
        removal = _Removal(above)
        removal.remove(os.path.basename(top))
    finally:
        os.close(above)
    if removal.failures:
        raise removal.failures[0]


def clear_away(top: str | Path) -> None:
    """Remove a folder with all its content, as far as possible."""
    with contextlib.suppress(OSError):
        remove_folder(top)


class _Level(NamedTuple):
    """A folder on the way down.

    Attributes:
        name: its name in the folder above.
        above: the identity of the folder above.
        waiting: names of the folders in it that are still to be removed.
    """

    name: str
    above: tuple[int, int]
    waiting: list[str]


class _Removal:
    """The removal of a folder below the folder `above`, a descriptor.

    One descriptor is open, however deep the folder: the way up is `..`, which must lead where the way down
    came from.
    """

    def __init__(self, above: int) -> None:
        self.failures: list[OSError] = []
        self._here = os.dup(above)
        self._levels: list[_Level] = []

    def remove(self, name: str) -> None:
        try:
            self._go_down(name)
            while self._levels:
                if waiting := self._levels[-1].waiting:
                    self._go_down(waiting.pop())
                else:
                    self._go_up()
        finally:
            os.close(self._here)

    def _go_down(self, name: str) -> None:
        with self._noted():
            above = _identity(self._here)
            below = os.open(name, _FOLDER, dir_fd=self._here)
            os.close(self._here)
            self._here = below
            self._levels.append(_Level(name, above, []))
            self._levels[-1].waiting.extend(self._without_files())

    def _go_up(self) -> None:
        level = self._levels.pop()
        above = os.open("..", _FOLDER, dir_fd=self._here)
        os.close(self._here)
        self._here = above
        if _identity(above) != level.above:
            raise OSError(errno.ESTALE, "The folder was moved by somebody else.", level.name)
        with self._noted():
            os.rmdir(level.name, dir_fd=self._here)

    def _without_files(self) -> list[str]:
        """The names of the folders in the present folder; everything else in it is removed."""
        with os.scandir(self._here) as entries:
            found = list(entries)
        folders = []
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                with self._noted():
                    os.unlink(entry.name, dir_fd=self._here)
        return folders

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            if not self._levels:
                raise
        except OSError as error:
            self.failures.append(error)


def _identity(descriptor: int) -> tuple[int, int]:
    of = os.fstat(descriptor)
    return of.st_dev, of.st_ino


def open_folders(top: Path) -> None:
    """Let this user read and change all folders below one of gitexp's own."""
    for found in walk_folder(top):
        for name in found.folders:
            with contextlib.suppress(OSError):
                folder = Path(found.path, name)
                folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IRWXU)


def is_behind_link(root: Path, name: str) -> bool:
    """Whether a link is above the file `name`, a path below `root` with slashes."""
    return any((root / folder).is_symlink() for folder in PurePosixPath(name).parents)
