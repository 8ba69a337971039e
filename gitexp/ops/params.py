"""The params that a run uses: read from their files, changed as -S says, written back in place."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitexp import errors, files
from gitexp.failpoints import failpoint
from gitexp.files import Override
from gitexp.model import Files
from gitexp.ops.project import Project


@dataclass(frozen=True, slots=True)
class Params:
    """`files` is what the params files say with the overrides applied; `edited` the files that differ
    from the disk, by their real path relative to the root (a symlink's target, not the link), and
    `originals` what stood in these."""

    files: Files
    edited: Mapping[str, bytes]
    originals: Mapping[str, bytes]


def prepare(project: Project, overrides: Sequence[Override], *, written_later: Sequence[str]) -> Params:
    """Return the params of a run; nothing is written.

    Raises ParseError, UnknownParam, OverrideError, or SnapshotRefused if a file to be changed is a
    link to outside the repository.
    """
    root = project.repo.root
    found = {name: data for name in _names(project, overrides) if (data := _read(root, name)) is not None}
    # What the command itself writes is a result: it cannot be changed from here, nor is it input.
    inputs = {name: data for name, data in found.items() if name not in written_later}
    edited = files.apply_overrides(inputs, overrides) if overrides else {}
    final = {**inputs, **edited}
    trees = {name: files.parse(name, data) for name, data in final.items()}
    real = {name: _real(root, name) for name in edited}
    return Params(
        trees,
        edited={real[name]: data for name, data in edited.items()},
        originals={real[name]: inputs[name] for name in edited},
    )


def write(root: Path, scratch: Path, params: Params) -> None:
    """Write edited files in place, each whole or not at all; mode bits stay.

    Raises StorageError, also for a file that somebody has changed since it was read.
    """
    for name, data in params.edited.items():
        path = root / name
        try:
            if path.read_bytes() != params.originals[name]:
                raise errors.StorageError(f"{name} was changed by somebody else just now.", "Run again.")
            _replace(path, data, scratch)
        except OSError as error:
            raise errors.StorageError(
                f"{name} could not be written: {error.strerror}.", "Check its permissions and the disk."
            ) from error
        failpoint("params:written")


def _names(project: Project, overrides: Sequence[Override]) -> list[str]:
    named = []
    for override in overrides:
        if override.file is None:
            continue
        if not (project.repo.root / override.file).is_file():
            raise errors.UnknownParam(
                f"There is no file '{override.file}' to change.",
                f"Params files here: {', '.join(project.config.params)}.",
            )
        named.append(override.file)
    return list(dict.fromkeys((*project.config.params, *named)))


def _read(root: Path, name: str) -> bytes | None:
    path = root / name
    if not path.is_file():
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise errors.FileError(f"cannot be read: {error.strerror}", file=name) from error


def _real(root: Path, name: str) -> str:
    real, top = (root / name).resolve(), root.resolve()
    if not real.is_relative_to(top) or ".git" in real.relative_to(top).parts:
        raise errors.SnapshotRefused(
            f"{name} is a link to outside the repository: a change to it could not be stored.",
            "Put the file itself into the repository.",
            paths=[name],
        )
    return real.relative_to(top).as_posix()


def _replace(path: Path, data: bytes, scratch: Path) -> None:
    """Write beside the repository's own files where that is the same disk, so that a crash between
    the two steps leaves nothing in the user's folder."""
    same_disk = scratch.stat().st_dev == path.parent.stat().st_dev
    fd, name = tempfile.mkstemp(dir=scratch if same_disk else path.parent, prefix=".gitexp-")
    new = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        failpoint("params:temporary")
        new.chmod(stat.S_IMODE(path.stat().st_mode))
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
