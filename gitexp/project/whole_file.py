"""A file of the user's written anew, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gitexp import errors, nofollow
from gitexp.failpoints import failpoint
from gitexp.objects.workspace_files import keep_owner, umask
from gitexp.repo.local import LocalState

_READABLE = 0o666


def write(root: Path, name: str, data: bytes, local: LocalState, *, original: bytes | None) -> None:
    """Replace the content of the file at a path relative to `root`; its permissions, owner and links stay.

    `original` is the content read before, None for a missing file. Raises StorageError, also for a link and
    for a file changed by somebody else since then.
    """
    path = root / name
    if path.is_symlink():
        raise errors.StorageError(
            f"{path.name} is a link, which gitexp does not write through.",
            "Put the file itself in its place.",
        )
    try:
        with local.scratch() as scratch, prepared(path, data, scratch) as new:
            failpoint("whole-file:written")
            move_in(new, root, name, original=original)
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


def move_in(new: Path, root: Path, name: str, *, original: bytes | None) -> None:
    """Put a prepared file in place of a file with the content `original`; permissions and owner stay.

    A file with several hard links is overwritten in place, for each name to have the new content. A kill at
    the same moment may leave half a file. Raises StorageError if somebody has changed the file since;
    OSError, also for a link in place of the file or of a folder above it.
    """
    outer, _, base = name.rpartition("/")
    with nofollow.opened(root, outer) as folder:
        now, of = _as_it_is(folder, base)
        if now != original:
            raise errors.StorageError(
                f"{base} was changed by somebody else just now.", "Run the command again."
            )
        new.chmod(_READABLE & ~umask() if of is None else stat.S_IMODE(of.st_mode))
        if of is not None and of.st_nlink > 1:
            _overwrite(folder, base, new.read_bytes())
            return
        keep_owner(root / name, new)
        folder.put(str(new), base)


def _as_it_is(folder: nofollow.Folder, name: str) -> tuple[bytes | None, os.stat_result | None]:
    """The content and the stat of a file; None without the file."""
    try:
        fd = folder.open(name, shared=True)
    except FileNotFoundError:
        return None, None
    with os.fdopen(fd, "rb") as file:
        return file.read(), os.fstat(fd)


def _overwrite(folder: nofollow.Folder, name: str, data: bytes) -> None:
    """Write into a file, with the new bytes first: a short file is never empty."""
    with os.fdopen(folder.open(name, os.O_WRONLY, shared=True), "wb") as file:
        file.write(data)
        file.flush()
        file.truncate()
        os.fsync(file.fileno())
