"""The records of a file `events.out.tfevents.*`, as TensorFlow, PyTorch and others write them.

A file is a row of records: length (8 bytes), its checksum, the content, its checksum. A checksum is a
CRC-32C, turned and shifted: https://www.tensorflow.org/tutorials/load_data/tfrecord. The content is a message
`Event`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from gitexp.extras.integrations.file_formats.cut_short import CutShort

_HEAD = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q")
_FOOT = struct.Struct("<I")
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, from the last bit to the first
_MASK = 0xA282EAD8
_LONGEST = 16 * 1024 * 1024  # bytes; pictures and graphs may be longer, and are passed over


def read(path: Path) -> Iterator[bytes | CutShort]:
    """Yield the events of a file, and the place of its premature end, if any. Raises OSError.

    A killed program leaves a record without its end. Records too long for numbers are passed over.
    """
    at = 0
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            if len(head) < _HEAD.size:
                yield CutShort(at, "the last record has no end")
                return
            length, checksum = _HEAD.unpack(head)
            if _checksum(head[:8]) != checksum:
                yield CutShort(at, "the checksum of a length is wrong")
                return
            if length > _LONGEST:
                file.seek(length + _FOOT.size, 1)
            else:
                content, foot = file.read(length), file.read(_FOOT.size)
                if len(content) < length or len(foot) < _FOOT.size:
                    yield CutShort(at, "the last record has no end")
                    return
                if _checksum(content) != _FOOT.unpack(foot)[0]:
                    yield CutShort(at, "the checksum of a record is wrong")
                    return
                yield content
            at += _HEAD.size + length + _FOOT.size


def framed(content: bytes) -> bytes:
    """The record of an event, with its checksums."""
    length = _LENGTH.pack(len(content))
    head = length + _FOOT.pack(_checksum(length))
    return head + content + _FOOT.pack(_checksum(content))


def begins_well(path: Path) -> bool:
    """Whether a file begins with a record. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD.size)
    return len(head) == _HEAD.size and _checksum(head[:8]) == _HEAD.unpack(head)[1]


def _table() -> tuple[int, ...]:
    """The change of a CRC-32C by each value of a byte."""
    found = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        found.append(value)
    return tuple(found)


_OF_BYTE = _table()


def _checksum(content: bytes) -> int:
    table, crc = _OF_BYTE, 0xFFFFFFFF
    for byte in content:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF
