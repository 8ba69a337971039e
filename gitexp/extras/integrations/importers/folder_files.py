"""Files of another tool's folder, read within limits and without links.

A missing file has no content. A file that is there and cannot be read is an error, never an empty file: its
run is left out, and comes with the next import after the file can be read.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import errors, files, nofollow
from gitexp.extras.integrations.importers.foreign import Unread
from gitexp.folders import walk_folder

LONGEST = 64 * 1024 * 1024  # bytes of one file
_PIECE = 1024 * 1024  # bytes
_GONE = (errno.ENOENT, errno.ENOTDIR)
_MOST_NAMED = 20


def content(path: Path) -> bytes:
    """The content of a plain file; b"" for no file. Raises OSError, also for a link and above `LONGEST`."""
    found, is_whole = _beginning(path)
    if not is_whole:
        raise too_large(str(path))
    return found


def beginning(path: Path, told: list[str]) -> bytes:
    """The content of a plain file, cut to `LONGEST`; b"" for no file. Raises OSError, also for a link.

    A sentence on a cut is added to `told`.
    """
    found, is_whole = _beginning(path)
    if not is_whole:
        told.append(f"not imported, all of {path.name} behind its first {LONGEST // 2**20} MB")
    return found


def too_large(name: str) -> OSError:
    """The error of a file of more than `LONGEST`."""
    return OSError(errno.EFBIG, f"It is larger than {LONGEST // 2**20} MB", name)


def _beginning(path: Path) -> tuple[bytes, bool]:
    """The content, cut to `LONGEST`, and whether it is all of it."""
    found = bytearray()
    try:
        for piece in _pieces(path):
            found += piece
            if len(found) > LONGEST:
                return bytes(found[:LONGEST]), False
    except OSError as error:
        if error.errno not in _GONE:
            raise
    return bytes(found), True


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the content of a plain file, or of that at the end of a link, in pieces. Raises OSError."""
    return _pieces(Path(os.path.realpath(path)))


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with nofollow.opened(path.parent) as folder:
            fd = folder.open(path.name, shared=True)
        with os.fdopen(fd, "rb") as file:
            while piece := file.read(_PIECE):
                yield piece
    except OSError as error:
        error.filename = error.filename or str(path)  # a read has no name
        raise


def is_there(path: Path) -> bool:
    """Whether a file is there, or what stands in its place. Raises OSError where nobody can tell."""
    try:
        path.stat()
    except OSError as error:
        if error.errno not in _GONE:
            raise
        return False
    return True


def require_plain(path: Path) -> None:
    """Raise OSError for a pipe or the like, which would keep its reader waiting, and for a missing file."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise nofollow.NotPlain(str(path), "plain file")


def tree(path: Path, told: list[str]) -> dict[str, Any]:
    """The map in a file of YAML or JSON; {} for no file. Raises ParseError, and OSError as `content`.

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


def plain_files(top: Path, told: list[str]) -> dict[str, Path]:
    """The plain files below a folder by their paths from there, sorted; {} for no folder.

    A sentence on links and pipes, which are left out, is added to `told`. Raises OSError for a folder that
    cannot be listed.
    """
    found, others = {}, []
    for path in files_below(top):
        name = path.relative_to(top).as_posix()
        with suppress(FileNotFoundError):
            if stat.S_ISREG(path.lstat().st_mode):
                found[name] = path
            else:
                others.append(f"{top.name}/{name}")
    if others:
        told.append(f"not imported, links and the like: {', '.join(others[:_MOST_NAMED])}")
    return found


def files_below(top: Path) -> list[Path]:
    """All below a folder but folders, sorted. Raises OSError for a folder that cannot be listed."""
    paths = []
    for folder in walk_folder(top, _refuse_unless_gone):
        paths += [Path(folder.path, name) for name in folder.files]
    return sorted(paths)


def _refuse_unless_gone(error: OSError) -> None:
    if error.errno not in _GONE:
        raise error


def entries_of(folder: Path, unread: list[Unread]) -> list[Path]:
    """The entries of a folder, sorted; [] for no folder. That it cannot be listed is added to `unread`."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        note_unlisted(error, unread)
        return []


def folders_in(folder: Path, unread: list[Unread]) -> list[Path]:
    """The folders in a folder, without links; arguments as those of `entries_of`."""
    for listed in walk_folder(folder, partial(note_unlisted, unread=unread)):
        return [folder / name for name in sorted(listed.folders)]
    return []


def note_unlisted(error: OSError, unread: list[Unread]) -> None:
    """Add a folder that cannot be listed to `unread`; a missing one is none."""
    if error.errno not in _GONE:
        unread.append(Unread(os.fsdecode(error.filename or ""), f"it cannot be listed: {error.strerror}"))


def changed(path: Path) -> float | None:
    """The time of a file's last change, in seconds since the epoch; None if unknown."""
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
