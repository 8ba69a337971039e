"""The members of a bundle: a tar file of plain files, read and written one after the other.

Every tar reads it. Reading takes only plain members with short names, so a hostile file can neither fill the
memory nor name a link.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from gitexp import errors
from gitexp.named_tuple import NamedTuple

_BLOCK = 512  # bytes
_PIECE = 1 << 20  # bytes
_MODE = 0o644


class BundleMember(NamedTuple):
    """A file of a bundle. `size`: in bytes."""

    name: str
    size: int


def damaged(where: str, why: str) -> errors.SharingError:
    """The error for a bundle of a wrong form; `why` is the end of a sentence."""
    return errors.SharingError(
        f"{where} is damaged: {why}.", "Have it exported or copied again.", code="damaged-bundle"
    )


class MemberWriter:
    """Writes members into an open file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, member: BundleMember, pieces: Iterable[bytes]) -> None:
        """Add a member with its content."""
        info = tarfile.TarInfo(member.name)
        info.size, info.mode = member.size, _MODE
        self._file.write(info.tobuf(tarfile.GNU_FORMAT, "ascii", "strict"))
        for piece in pieces:
            self._file.write(piece)
        self._file.write(_padding(member.size))

    def end(self) -> None:
        """Write the end, by which a truncated file is told."""
        self._file.write(bytes(2 * _BLOCK))


class MemberReader:
    """Reads the members of an open file. `where` names the file in errors."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self._file = file
        self._where = where
        self._left = 0  # bytes of the present member, padding included

    def next(self) -> BundleMember | None:
        """The next member; None at the end. Raises SharingError for a damaged or truncated file."""
        if self._left:
            self._file.seek(self._left, os.SEEK_CUR)
            self._left = 0
        block = self._read(_BLOCK)
        if block == bytes(_BLOCK):
            return None
        try:
            info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, ValueError) as error:
            raise damaged(self._where, "there is no file of it where one should begin") from error
        if info.type != tarfile.REGTYPE or info.size < 0:
            raise damaged(self._where, f"{info.name!a} is no plain file")
        self._left = info.size + len(_padding(info.size))
        return BundleMember(info.name, info.size)

    def content(self, member: BundleMember) -> Iterator[bytes]:
        """Yield the content of the member that was read last."""
        left = member.size
        while left:
            piece = self._read(min(left, _PIECE))
            left -= len(piece)
            self._left -= len(piece)
            yield piece

    def _read(self, size: int) -> bytes:
        found = self._file.read(size)
        if len(found) != size:
            raise damaged(self._where, "its end is missing")
        return found


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)
