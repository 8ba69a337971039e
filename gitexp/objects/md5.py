"""The MD5 and the SHA-256 of a file, in one reading: for content that another tool knows by its MD5.

An MD5 only finds content. What vouches for content in the object store is its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from gitexp import errors
from gitexp.named_tuple import NamedTuple
from gitexp.objects.hashing import Read, is_settled, opened, same_file
from gitexp.regex import regex

_CHUNK = 1 << 20  # bytes; DVC 2 changes the line ends of a text in chunks of this size
_HEAD = 512  # bytes that tell whether a chunk is text
_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
_MOST_OTHERS = 0.3  # of the bytes of a text
_TRIES = 5
_MD5 = regex("[0-9a-f]{32}")


class BothHashes(NamedTuple):
    """A file at the moment of reading.

    Attributes:
        read: the file by its SHA-256.
        md5: MD5 of the content, in hexadecimal.
        legacy: MD5 of the content with plain line ends in texts, as DVC 2 has it.
    """

    read: Read
    md5: str
    legacy: str


def read_both(path: str | Path) -> BothHashes:
    """The hashes of a file. Raises OSError; UnstorableData for anything but a regular file, and for a file
    that changes during every try."""
    for _ in range(_TRIES):
        with opened(path) as fd:
            before = os.fstat(fd)
            settled = is_settled(before)
            sha256, md5, legacy = hashlib.sha256(), _md5(), _md5()
            while chunk := _chunk(fd):
                sha256.update(chunk)
                md5.update(chunk)
                legacy.update(_plain_ends(chunk))
            if same_file(before, os.fstat(fd)):
                read = Read(sha256.hexdigest(), before, settled)
                return BothHashes(read, md5.hexdigest(), legacy.hexdigest())
    raise errors.UnstorableData(f"{os.fsdecode(path)} is being written.", "Wait until it is done.")


def of_bytes(data: bytes) -> str:
    """The MD5 of some bytes, in hexadecimal."""
    digest = _md5()
    digest.update(data)
    return digest.hexdigest()


def md5s_of(data: bytes) -> tuple[str, str]:
    """The MD5 of some bytes, and the MD5 with plain line ends in texts."""
    legacy = _md5()
    for at in range(0, len(data), _CHUNK):
        legacy.update(_plain_ends(data[at : at + _CHUNK]))
    return of_bytes(data), legacy.hexdigest()


def of_folder(files: Iterable[tuple[str, str]]) -> str:
    """The MD5 of a folder as DVC has it, `.dir` behind, from the path and MD5 of each file."""
    return of_bytes(folder_list(files)) + ".dir"


def folder_list(files: Iterable[tuple[str, str]]) -> bytes:
    """The list of a folder's files as DVC stores it, from the path and MD5 of each."""
    entries = [{"md5": md5, "relpath": path} for path, md5 in sorted(files)]
    return json.dumps(entries).encode()


def is_md5(text: object) -> bool:
    """Whether a value is the MD5 of a file."""
    return isinstance(text, str) and _MD5.fullmatch(text) is not None


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)


def _chunk(fd: int) -> bytes:
    """The next bytes: as many as DVC reads at a time, unless the file ends."""
    data = os.read(fd, _CHUNK)
    while data and len(data) < _CHUNK and (more := os.read(fd, _CHUNK - len(data))):
        data += more
    return data


def _plain_ends(chunk: bytes) -> bytes:
    head = chunk[:_HEAD]
    if b"\r\n" not in chunk or b"\0" in head:
        return chunk
    if len(head.translate(None, _TEXT)) / len(head) > _MOST_OTHERS:
        return chunk
    return chunk.replace(b"\r\n", b"\n")
