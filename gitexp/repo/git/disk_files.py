"""The files of a workspace as the disk has them, without Git."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from gitexp.folders import walk_folder


class NoFile(OSError):
    """A pipe, socket or device, or a repository inside this one: there, but nothing that can be stored."""


def files_below(
    root: Path, paths: Iterable[str], on_error: Callable[[OSError], None] | None = None
) -> list[str]:
    """The files and symlinks at or below `paths`, relative to `root`, sorted.

    A path behind a symlink stands for the symlink. Pipes, sockets and the files of repositories inside are
    left out: this repository cannot hold them. `on_error` is called for unreadable paths.
    """
    found: set[str] = set()
    folders: set[str] = set()  # without links and repositories
    for path in map(PurePosixPath, paths):
        for part in (*reversed(path.parents[:-1]), path):
            name = str(part)
            if name in folders:
                continue
            full = os.path.join(root, name)
            if os.path.islink(full) or os.path.isfile(full):
                found.add(part.as_posix())
                break
            if is_special(Path(full)):
                if on_error is not None:
                    on_error(_special(full))
                break
            if os.path.lexists(os.path.join(full, ".git")):
                break
            folders.add(name)
        else:
            found.update(file.relative_to(root).as_posix() for file in _walk(root / path, on_error))
    return sorted(found)


def _walk(top: Path, on_error: Callable[[OSError], None] | None) -> Iterator[Path]:
    for found in walk_folder(top, on_error):
        folder = Path(found.path)
        for file in map(folder.joinpath, found.files):
            try:
                mode = file.lstat().st_mode
            except OSError as error:  # the path is too long, say
                if on_error is not None:
                    on_error(error)
                continue
            if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                yield file
            elif on_error is not None:
                on_error(_special(str(file)))
        repositories = {name for name in found.folders if is_repository(folder / name)}
        found.folders[:] = [name for name in found.folders if name not in repositories]
        if on_error is not None:
            for name in sorted(repositories):
                on_error(NoFile(errno.EINVAL, "a repository of its own", str(folder / name)))


def _special(path: str) -> OSError:
    return NoFile(errno.EINVAL, "a pipe, socket or device", path)


def is_repository(folder: Path) -> bool:
    """Whether a folder is a Git repository of its own."""
    return os.path.lexists(folder / ".git")


def is_special(path: Path) -> bool:
    """Whether a path is a pipe, a socket or a device."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode))


def is_regular(root: Path, path: str) -> bool:
    """Whether a path is a file, and no link to one."""
    file = os.path.join(root, path)
    return os.path.isfile(file) and not os.path.islink(file)


def file_size(file: Path) -> int:
    """The size of a file in bytes, 0 if the file is gone."""
    with contextlib.suppress(OSError):
        return file.lstat().st_size
    return 0
