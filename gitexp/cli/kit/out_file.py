"""The file of `-o`: written whole, or left as it was."""

from __future__ import annotations

import stat
from pathlib import Path

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.objects.workspace_files import umask
from gitexp.project.project import Project
from gitexp.project.whole_file import prepared

_READABLE = 0o666


def write(project: Project, file: Path, data: bytes, *, with_folder: bool = False) -> None:
    """Write a file that the user names, from the folder of the command.

    An earlier file of the name keeps its mode, and stays whole if this one cannot be written. What is no
    plain file, such as a pipe or a link, is written through. `with_folder` makes its folder. Raises
    StorageError.
    """
    target = project.here / file
    try:
        if with_folder:
            target.parent.mkdir(exist_ok=True)
        mode = _mode(target)
        if mode is None:
            target.write_bytes(data)
            return
        with project.local.scratch() as scratch, prepared(target, data, scratch) as new:
            new.chmod(mode)
            failpoint("out-file:written")
            new.replace(target)
    except OSError as error:
        raise errors.StorageError(
            f"{file} could not be written: {error.strerror}.", "Name another place: -o FILE"
        ) from error


def _mode(target: Path) -> int | None:
    """The mode for the new file; None for what is no plain file."""
    try:
        found = target.lstat()
    except FileNotFoundError:
        return _READABLE & ~umask()
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        return stat.S_IMODE(found.st_mode)
    return None
