"""gitexp.yaml edited in place: one key, all else in the file as it was, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.config import CONFIG_FILE
from gitexp.failpoints import failpoint
from gitexp.files.limits import read_limited
from gitexp.files.parse import edit
from gitexp.model import Value
from gitexp.ops.project import Project

_READABLE = 0o666


def change(project: Project, key: tuple[str, ...], value: Value) -> None:
    """Write `value` under a key of the project's gitexp.yaml, which is made if it is not there.

    MISSING removes the key. Raises ParseError where that cannot be done in place, StorageError.
    """
    shown = str(PurePosixPath(project.config.folder, CONFIG_FILE))
    path = project.folder / CONFIG_FILE
    if path.is_symlink():
        raise errors.StorageError(f"{shown} is a link, which is not written through.", "Change it yourself.")
    try:
        with project.local.lock("config-file"):
            old = read_limited(path) if path.exists() else b""
            new, _ = edit(shown, old, key, value)
            _write(path, new, project)
    except OSError as error:
        raise errors.StorageError(
            f"{shown} could not be written: {error.strerror}.", "Check the folder's permissions and the disk."
        ) from error


def _write(path: Path, data: bytes, project: Project) -> None:
    """Write beside the repository's own files where that is the same disk: a crash leaves nothing here."""
    with project.local.scratch() as scratch:
        same_disk = scratch.stat().st_dev == path.parent.stat().st_dev
        fd, name = tempfile.mkstemp(dir=scratch if same_disk else path.parent, prefix=".gitexp-")
        temporary = Path(name)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else _READABLE & ~_umask())
            failpoint("config:written")
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    failpoint("config:renamed")


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
