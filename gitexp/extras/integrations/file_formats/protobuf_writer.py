"""Fields of messages of Protocol Buffers, written; a message is its fields one after the other.

The counterpart of `protobuf.py`. The caller gives the number of each field, as `*_fields.py` have them.
"""

from __future__ import annotations

import struct

from gitexp.extras.integrations.file_formats.protobuf import BYTES, DOUBLE, FLOAT, TWO_64, VARINT

_DOUBLE_FORM, _SINGLE_FORM = struct.Struct("<d"), struct.Struct("<f")
_LARGEST_SINGLE = 3.4028234663852886e38


def integer(number: int, value: int) -> bytes:
    """A field with an integer of 64 bits; a negative one takes ten bytes."""
    return _key(number, VARINT) + _varint(value % TWO_64)


def zigzag(number: int, value: int) -> bytes:
    """A field with an integer of 64 bits whose sign is the last bit."""
    return _key(number, VARINT) + _varint(2 * value if value >= 0 else -2 * value - 1)


def double(number: int, value: float) -> bytes:
    """A field with a float of 64 bits."""
    return _key(number, DOUBLE) + _DOUBLE_FORM.pack(value)


def single(number: int, value: float) -> bytes:
    """A field with a float of 32 bits, rounded; infinity for a larger number."""
    if abs(value) > _LARGEST_SINGLE:
        value = float("inf") if value > 0 else float("-inf")
    return _key(number, FLOAT) + _SINGLE_FORM.pack(value)


def content(number: int, value: bytes) -> bytes:
    """A field with bytes."""
    return _key(number, BYTES) + _varint(len(value)) + value


def text(number: int, value: str) -> bytes:
    """A field with a text; a lone surrogate, which UTF-8 lacks, becomes a question mark."""
    return content(number, value.encode("utf-8", "replace"))


def message(number: int, *fields: bytes) -> bytes:
    """A field with a message of the given fields."""
    return content(number, b"".join(fields))


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
