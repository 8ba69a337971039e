"""Files of another tool's folder, read within limits and without links."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gitexp import errors, files, nofollow

LONGEST = 64 * 1024 * 1024  # bytes of one file
_PIECE = 1024 * 1024  # bytes
_GONE = (errno.ENOENT, errno.ENOTDIR)


def content(path: Path) -> bytes:
    """The content of a plain file, cut to `LONGEST`; b"" for none."""
    if path.is_symlink():
        return b""
    try:
        with path.open("rb") as file:
            return file.read(LONGEST)
    except OSError:
        return b""


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the content of a plain file, or of that at the end of a link, in pieces. Raises OSError."""
    real = Path(os.path.realpath(path))
    try:
        with nofollow.opened(real.parent) as folder:
            fd = folder.open(real.name, shared=True)
        with os.fdopen(fd, "rb") as file:
            while piece := file.read(_PIECE):
                yield piece
    except OSError as error:
        error.filename = error.filename or str(path)  # a read has no name
        raise


def is_gone(path: Path) -> bool:
    """Whether a file is missing: a tool may name one that is no longer there."""
    try:
        path.stat()
    except OSError as error:
        return error.errno in _GONE
    return False


def tree(path: Path, told: list[str]) -> dict[str, Any]:
    """The map in a file of YAML or JSON; {} for no file. Raises ParseError.

    Sentences on values that cannot be recorded are added to `told`.
    """
    text = content(path)
    if not text:
        return {}
    found = files.parse_params(path.name, text)
    told += found.complaints
    return dict(found.tree)


def metrics(path: Path, told: list[str]) -> dict[str, float]:
    """The numbers in a file of metrics, by dotted names; arguments and errors of `tree`."""
    text = content(path)
    if not text:
        return {}
    found = files.parse_metrics(path.name, text)
    told += found.complaints
    return {name: value for name, value in files.flatten(found.tree).items() if files.is_number(value)}


def plain_files(top: Path) -> Iterator[tuple[str, Path]]:
    """Yield the plain files below a folder, with their paths from there."""
    for path in sorted(top.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(top).as_posix(), path


def changed(path: Path) -> float | None:
    """The time of a file's last change, in seconds since the epoch; None for a missing file."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def reason(error: Exception) -> str:
    """The reason in an error: the end of a sentence."""
    if isinstance(error, errors.GitexpError):
        return error.message.rstrip(".")
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{os.fsdecode(error.filename)} cannot be read: {error.strerror}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
