"""Messages of Protocol Buffers, read field by field without a schema.

The encoding: https://protobuf.dev/programming-guides/encoding/. A field has a key (number and kind) and a
value; a message does not name the meaning of its fields, so the reader has to know the numbers.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator

from gitexp.named_tuple import NamedTuple

VARINT, DOUBLE, BYTES, FLOAT = 0, 1, 2, 5  # kinds of fields
_LONGEST_VARINT = 10  # bytes
_TWO_63, TWO_64 = 1 << 63, 1 << 64


class BadMessage(ValueError):
    """Bytes without the form of a message."""


class WireField(NamedTuple):
    """A field: its number, and its value: an integer for a varint, else bytes."""

    number: int
    value: int | bytes


def fields(message: bytes) -> Iterator[WireField]:
    """Yield the fields of a message in their order. Raises BadMessage."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind, number = key & 7, key >> 3
        if kind == VARINT:
            value, at = _varint(message, at)
            yield WireField(number, value)
            continue
        if kind == BYTES:
            size, at = _varint(message, at)
        elif kind in (DOUBLE, FLOAT):
            size = 8 if kind == DOUBLE else 4
        else:
            raise BadMessage(f"a field of kind {kind}")
        end = at + size
        if end > len(message):
            raise BadMessage("a field that goes beyond the end")
        yield WireField(number, message[at:end])
        at = end


class Message:
    """The fields of a message by number; a missing field has the default of Protocol Buffers."""

    def __init__(self, content: bytes) -> None:
        self._fields: dict[int, list[int | bytes]] = defaultdict(list)
        for field in fields(content):
            self._fields[field.number].append(field.value)

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def texts(self, number: int) -> list[str]:
        """The texts of a field."""
        return [value.decode("utf-8", "replace") for value in self._all_bytes(number)]

    def text(self, number: int) -> str:
        """The last text of a field; "" without any."""
        found = self.texts(number)
        return found[-1] if found else ""

    def messages(self, number: int) -> list[Message]:
        """The messages in a field. Raises BadMessage."""
        return [Message(value) for value in self._all_bytes(number)]

    def message(self, number: int) -> Message:
        """The last message in a field; an empty one without any. Raises BadMessage."""
        found = self._all_bytes(number)
        return Message(found[-1] if found else b"")

    def unsigned(self, number: int) -> int:
        """The last varint of a field; 0 without any."""
        found = [value for value in self._fields.get(number, ()) if isinstance(value, int)]
        return found[-1] if found else 0

    def integer(self, number: int) -> int:
        """The last varint of a field as an integer of 64 bits with a sign."""
        value = self.unsigned(number)
        return value - TWO_64 if value >= _TWO_63 else value

    def zigzag(self, number: int) -> int:
        """The last varint of a field as an integer with its sign in the last bit."""
        value = self.unsigned(number)
        return (value >> 1) ^ -(value & 1)

    def double(self, number: int) -> float:
        """The last float of 64 bits of a field; 0 without any. Raises BadMessage."""
        return self._float(number, "<d")

    def single(self, number: int) -> float:
        """The last float of 32 bits of a field; 0 without any. Raises BadMessage."""
        return self._float(number, "<f")

    def content(self, number: int) -> bytes:
        """The last bytes of a field; b"" without any."""
        found = self._all_bytes(number)
        return found[-1] if found else b""

    def _float(self, number: int, form: str) -> float:
        found = self._all_bytes(number)
        if not found:
            return 0.0
        if len(found[-1]) != struct.calcsize(form):
            raise BadMessage("a float of another size")
        value: float = struct.unpack(form, found[-1])[0]
        return value

    def _all_bytes(self, number: int) -> list[bytes]:
        return [value for value in self._fields.get(number, ()) if isinstance(value, bytes)]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and the place behind it."""
    value = shift = 0
    for byte in message[at : at + _LONGEST_VARINT]:
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value & (TWO_64 - 1), at
        shift += 7
    raise BadMessage("a number without an end")
