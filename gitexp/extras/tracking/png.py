"""An image as PNG, out of an array of NumPy's or of what looks like one. Nothing of NumPy is imported."""

from __future__ import annotations

import struct
import zlib
from typing import Any

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {
    1: 0,
    2: 4,
    3: 2,
    4: 6,
}  # number of channels -> type of the image: grey, grey and alpha, RGB, RGBA
_LARGEST = 65_535  # pixels of a side; a larger image is a mistake more often than a picture


def encode(array: Any) -> bytes:
    """The PNG of an array: height by width, or with 1 to 4 channels behind, or before as in PyTorch.

    Integers are from 0 to 255, or of 16 bits without a sign; floats are from 0 to 1. Raises ValueError for
    other shapes and values.
    """
    pixels = _last_channels(array)
    height, width, channels = pixels.shape
    if not 0 < height <= _LARGEST or not 0 < width <= _LARGEST:
        raise ValueError(
            f"an image has a height and a width from 1 to {_LARGEST:,}, and not {tuple(array.shape)}"
        )
    pixels = _as_bytes(pixels)
    depth = 16 if pixels.dtype.itemsize == 2 else 8
    data = pixels.tobytes()
    row = width * channels * depth // 8
    lines = b"".join(b"\0" + data[start : start + row] for start in range(0, len(data), row))
    header = struct.pack(">IIBBBBB", width, height, depth, _COLOURS[channels], 0, 0, 0)
    return b"".join(
        (_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(lines)), _chunk(b"IEND", b""))
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _last_channels(array: Any) -> Any:
    """The array as height by width by channels."""
    shape = tuple(array.shape)
    if len(shape) == 2:
        return array.reshape((*shape, 1))
    if len(shape) == 3 and shape[2] in _COLOURS:
        return array
    if len(shape) == 3 and shape[0] in _COLOURS:
        return array.transpose(1, 2, 0)
    raise ValueError(f"an image is height by width, or with 1 to 4 channels, and not of shape {shape}")


def _as_bytes(pixels: Any) -> Any:
    """The array with the numbers as a PNG has them."""
    kind = pixels.dtype.kind
    if kind == "b":
        return pixels.astype("uint8") * 255
    if kind == "u" and pixels.dtype.itemsize == 2:
        return pixels.astype(">u2")
    if kind not in "iuf":
        raise ValueError(f"an image has numbers, and not an array of {pixels.dtype}")
    low, high = pixels.min(), pixels.max()
    highest = 1 if kind == "f" else 255
    if not (low >= 0 and high <= highest):  # neither for NaN
        raise ValueError(
            f"an image of {pixels.dtype} has values from 0 to {highest}, and not from {low} to {high}"
        )
    if kind == "f":
        return (pixels * 255).round().astype("uint8")
    return pixels.astype("uint8")
