"""A file of the user's written anew, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.repo.local import LocalState

_READABLE = 0o666


def write(path: Path, data: bytes, local: LocalState, *, original: bytes | None) -> None:
    """Put data in place of a file, whose permissions stay; `original` is what it was read as, None if
    it was not there.

    Raises StorageError, also for a link and for a file that somebody has changed since it was read.
    """
    if path.is_symlink():
        raise errors.StorageError(
            f"{path.name} is a link, which gitexp does not write through.",
            "Put the file itself in its place.",
        )
    try:
        with local.scratch() as scratch:
            # Beside the repository's own files, so that a crash leaves nothing in the user's folder.
            same_disk = scratch.stat().st_dev == path.parent.stat().st_dev
            fd, name = tempfile.mkstemp(dir=scratch if same_disk else path.parent, prefix=".gitexp-")
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary = Path(name)
            temporary.chmod(path.stat().st_mode & 0o777 if original is not None else _READABLE & ~_umask())
            if (path.read_bytes() if path.exists() else None) != original:
                temporary.unlink()
                raise errors.StorageError(
                    f"{path.name} was changed by somebody else just now.", "Run the command again."
                )
            failpoint("whole-file:written")
            temporary.replace(path)
    except OSError as error:
        raise errors.StorageError(
            f"{path.name} could not be written: {error.strerror}.", "Check its permissions and the disk."
        ) from error


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
