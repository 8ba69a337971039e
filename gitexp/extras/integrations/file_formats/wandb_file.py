"""The records of a `run-<id>.wandb` file, which wandb writes while a run goes on.

A header of 7 bytes (":W&B", 0xBEE1, a version), then a log as LevelDB has it: blocks of 32 KiB, and in them
pieces of records. A piece has a checksum (CRC-32 over kind and content), a size and a kind: whole, first,
middle, last. A record is a message of Protocol Buffers; `wandb` knows its fields.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gitexp.extras.integrations.file_formats.cut_short import CutShort
from gitexp.named_tuple import NamedTuple

_HEADER = struct.Struct("<4sHB")
_MAGIC, _NUMBER = b":W&B", 0xBEE1
_VERSIONS = (0,)
_BLOCK = 32 * 1024
_PIECE = struct.Struct("<IHB")
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_LONGEST = 256 * 1024 * 1024  # bytes of a record


class NotWandb(ValueError):
    """A file without the form of wandb's log, or of an unknown version."""


def begins_well(path: Path) -> bool:
    """Whether a file begins like wandb's. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


class _Piece(NamedTuple):
    """A piece of a record: its place in bytes, kind and content."""

    at: int
    kind: int
    content: bytes


def read(path: Path) -> Iterator[bytes | CutShort]:
    """Yield the records of a file, and the place of its premature end, if any.

    A killed run leaves a record without its end. Raises NotWandb and OSError.
    """
    parts: list[bytes] = []
    size = 0
    with path.open("rb") as file:
        _read_header(file)
        for piece in _pieces(file):
            if isinstance(piece, CutShort):
                yield piece
                return
            begins = piece.kind in (_WHOLE, _FIRST)
            size += len(piece.content)
            if begins == bool(parts) or piece.kind > _LAST or size > _LONGEST:
                yield CutShort(piece.at, "a piece that belongs to no record")
                return
            parts.append(piece.content)
            if piece.kind in (_WHOLE, _LAST):
                yield b"".join(parts)
                parts, size = [], 0
        if parts:
            yield CutShort(file.tell(), "the last record has no end")


class RecordLog:
    """A file of records, written from its header on."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = file.write(_HEADER.pack(_MAGIC, _NUMBER, _VERSIONS[-1]))

    def add(self, record: bytes) -> None:
        """Write a record, in a piece for each block that it lies in."""
        at, kinds = 0, (_WHOLE, _FIRST)
        while True:
            self._end_block_without_room()
            size = min(len(record) - at, _BLOCK - self._at % _BLOCK - _PIECE.size)
            is_last = at + size == len(record)
            self._write(kinds[0] if is_last else kinds[1], record[at : at + size])
            if is_last:
                return
            at, kinds = at + size, (_LAST, _MIDDLE)

    def _end_block_without_room(self) -> None:
        """Fill the rest of a block with zeros if no piece can begin there."""
        left = _BLOCK - self._at % _BLOCK
        if left < _PIECE.size:
            self._at += self._file.write(bytes(left))

    def _write(self, kind: int, content: bytes) -> None:
        checksum = zlib.crc32(content, zlib.crc32(bytes((kind,))))
        self._at += self._file.write(_PIECE.pack(checksum, len(content), kind))
        self._at += self._file.write(content)


def _read_header(file: BinaryIO) -> None:
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        raise NotWandb("it has no header")
    magic, number, version = _HEADER.unpack(head)
    if magic != _MAGIC or number != _NUMBER:
        raise NotWandb("it does not begin like a file of wandb's")
    if version not in _VERSIONS:
        raise NotWandb(f"its format is version {version}, and gitexp knows {_VERSIONS[-1]}")


def _pieces(file: BinaryIO) -> Iterator[_Piece | CutShort]:
    """Yield the pieces after the header, and the place of a premature end, if any."""
    at = _HEADER.size
    while True:
        left = _BLOCK - at % _BLOCK
        if left < _PIECE.size:  # the rest of a block is filled with zeros
            at += len(file.read(left))
            left = _BLOCK
        head = file.read(_PIECE.size)
        if not head:
            return
        if len(head) < _PIECE.size:
            yield CutShort(at, "the last record has no end")
            return
        checksum, length, kind = _PIECE.unpack(head)
        if (checksum, length, kind) == (0, 0, 0):  # a file that was made larger before it was written
            yield CutShort(at, "zeros in place of a record")
            return
        content = file.read(length)
        if len(content) < length:
            yield CutShort(at, "the last record has no end")
            return
        if zlib.crc32(content, zlib.crc32(head[-1:])) != checksum:
            yield CutShort(at, "the checksum of a record is wrong")
            return
        yield _Piece(at, kind, content)
        at += _PIECE.size + length
