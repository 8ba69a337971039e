"""Files of another tool's folder, read within limits and without links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gitexp import errors, files

LONGEST = 64 * 1024 * 1024  # bytes of one file


def content(path: Path) -> bytes:
    """The content of a plain file, cut to `LONGEST`; b"" for none."""
    if path.is_symlink():
        return b""
    try:
        with path.open("rb") as file:
            return file.read(LONGEST)
    except OSError:
        return b""


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
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)
