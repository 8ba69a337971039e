"""A file of the user's written anew, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.objects.workspace_files import keep_owner, umask
from gitexp.repo.local import LocalState

_READABLE = 0o666


def write(path: Path, data: bytes, local: LocalState, *, original: bytes | None) -> None:
    """Replace the content of a file; its permissions, owner and hard links stay.

    `original` is the content read before, None for a missing file. Raises StorageError, also for a link and
    for a file changed by somebody else since then.
    """
    if path.is_symlink():
        raise errors.StorageError(
            f"{path.name} is a link, which gitexp does not write through.",
            "Put the file itself in its place.",
        )
    try:
        with local.scratch() as scratch, prepared(path, data, scratch) as new:
            failpoint("whole-file:written")
            move_in(new, path, original=original)
    except OSError as error:
        raise errors.StorageError(
            f"{path.name} could not be written: {error.strerror}.", "Check its permissions and the disk."
        ) from error


@contextlib.contextmanager
def prepared(path: Path, data: bytes, scratch: Path) -> Iterator[Path]:
    """A new file with this data, to be renamed to a path; an unused one is removed.

    The new file stands in `scratch` if possible (same disk), so a crash leaves nothing in the user's folder.
    Raises OSError.
    """
    same_disk = scratch.stat().st_dev == path.parent.stat().st_dev
    fd, name = tempfile.mkstemp(dir=scratch if same_disk else path.parent, prefix=".gitexp-")
    new = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield new
    finally:
        new.unlink(missing_ok=True)


def move_in(new: Path, path: Path, *, original: bytes | None) -> None:
    """Put a prepared file in place of a file that was read as `original`; permissions and owner stay.

    Of a file with several hard links the content is replaced in place, so that each name has the new one. A
    kill in that moment may leave half of it. Raises StorageError if somebody has changed the file since;
    OSError.
    """
    mode = _READABLE & ~umask()
    if original is not None:
        mode = stat.S_IMODE(path.stat().st_mode)
    new.chmod(mode)
    now = path.read_bytes() if path.exists() else None
    if now != original:
        raise errors.StorageError(
            f"{path.name} was changed by somebody else just now.", "Run the command again."
        )
    if now is not None and path.stat().st_nlink > 1:
        _overwrite(path, new.read_bytes())
        return
    keep_owner(path, new)
    new.replace(path)


def _overwrite(path: Path, data: bytes) -> None:
    """Write into a file, with the new bytes first: a short file is never empty."""
    with os.fdopen(os.open(path, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)), "wb") as file:
        file.write(data)
        file.flush()
        file.truncate()
        os.fsync(file.fileno())
