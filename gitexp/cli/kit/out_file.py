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
    """Write a file of the user's choice; a relative path starts at the folder of the command.

    An existing file keeps its mode, and stays unchanged after an error. Pipes, links and other special files
    are written through. `with_folder` makes the folder. Raises StorageError.
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
    """The mode for the new file; None for a special file."""
    try:
        found = target.lstat()
    except FileNotFoundError:
        return _READABLE & ~umask()
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        return stat.S_IMODE(found.st_mode)
    return None
