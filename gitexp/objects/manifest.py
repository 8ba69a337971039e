"""The manifest of a folder: the sorted list of its files, whose hash is the hash of the folder.

    gitexp-folder 1
    <sha256> <size> <-, x or l> <path>

One line a file, sorted by the bytes of the path; `x` marks an executable one, `l` a link, whose content is
the path that it leads to, as the link has it. A path is relative to the
folder, in UTF-8, with slashes; `%`, control characters and bytes that are not UTF-8 are written as `%XX`.
The same folder has the same text on every machine (docs/format.md).
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from gitexp import errors
from gitexp.named_tuple import NamedTuple
from gitexp.objects import paths
from gitexp.regex import regex

FOLDER = ".dir"  # the ending of a folder's hash

_HEADER = b"gitexp-folder 1\n"
_MAX_BYTES = 1 << 30
_HASH = regex(r"[0-9a-f]{64}(\.dir)?")
_LINE = regex(r"([0-9a-f]{64}) (0|[1-9][0-9]{0,18}) ([xl-]) (.+)", re.DOTALL)
_SPECIAL = regex("[\x00-\x1f\x7f%\udc80-\udcff]")
_IS_UTF8 = os.name == "nt" or sys.getfilesystemencoding() == "utf-8"  # how this Python reads names
_NAMES = ("utf-8" if _IS_UTF8 else sys.getfilesystemencoding(), "surrogateescape")
_ESCAPE = regex(rb"%([0-9A-F]{2})")


class File(NamedTuple):
    """A file of a folder, or a link. `path` is relative to the folder, with slashes; `size` in bytes."""

    path: str
    hash: str
    size: int
    executable: bool = False
    link: bool = False

    @property
    def mode(self) -> str:
        """The letter in a manifest."""
        if self.link:
            return "l"
        return "x" if self.executable else "-"


@dataclass(frozen=True)
class Manifest:
    """The files of a folder, sorted. Make one with `of` or `parse`."""

    files: tuple[File, ...]

    @classmethod
    def of(cls, files: Iterable[File]) -> Manifest:
        """The manifest of files in any order."""
        return cls(tuple(sorted(files, key=lambda file: _encoded(file.path))))

    @cached_property
    def text(self) -> bytes:
        """The canonical text."""
        lines = [f"{f.hash} {f.size} {f.mode} {_quoted(f.path)}\n" for f in self.files]
        return _HEADER + "".join(lines).encode()

    @cached_property
    def hash(self) -> str:
        """The hash of the folder: SHA-256 of the text, followed by `.dir`."""
        return hashlib.sha256(self.text).hexdigest() + FOLDER

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def is_hash(text: str) -> bool:
    """Whether a text is the hash of a file or folder."""
    return _HASH.fullmatch(text) is not None


def is_folder(hash_: str) -> bool:
    """Whether a hash is of a folder."""
    return hash_.endswith(FOLDER)


def parse(text: bytes, name: str) -> Manifest:
    """The manifest of a text. `name` stands for it in errors.

    Raises BadManifest for a text not in the canonical form, or with a path out of its folder.
    """
    if len(text) > _MAX_BYTES or not text.startswith(_HEADER) or not text.endswith(b"\n"):
        raise _bad(name, "it is no manifest of a version that this gitexp knows")
    files = [_file(line, name) for line in text[len(_HEADER) :].split(b"\n")[:-1]]
    found = Manifest.of(files)
    if found.text != text:
        raise _bad(name, "its lines are not sorted, or not as gitexp writes them")
    if why := fault(file.path for file in files):
        raise _bad(name, why)
    return found


def fault(names: Iterable[str]) -> str | None:
    """Why files of these names cannot be in one folder on every system; None if they can."""
    files = list(names)
    for file in files:
        if why := paths.fault(file):
            return f"the path {file!a} {why}"
    if (both := paths.clash(files)) is not None:
        return f"{both[0]!a} and {both[1]!a} are the same where case does not count"
    return None


def _file(line: bytes, name: str) -> File:
    try:
        match = _LINE.fullmatch(line.decode("utf-8"))
    except UnicodeDecodeError:
        match = None
    if match is None:
        raise _bad(name, "a line is damaged")
    return File(_unquoted(match[4]), match[1], int(match[2]), match[3] == "x", match[3] == "l")


def _quoted(path: str) -> str:
    if not _IS_UTF8:
        path = _encoded(path).decode("utf-8", "surrogateescape")
    if not _SPECIAL.search(path):
        return path
    # In a str, a byte that is not UTF-8 is a surrogate, from U+DC80 on.
    return _SPECIAL.sub(lambda match: f"%{ord(match[0]) & 0xFF:02X}", path)


def _unquoted(text: str) -> str:
    if _IS_UTF8 and "%" not in text:
        return text
    raw = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), text.encode())
    return raw.decode(*_NAMES)


def _encoded(path: str) -> bytes:
    """The bytes of a name."""
    return path.encode(*_NAMES)


def _bad(name: str, why: str) -> errors.DataError:
    return errors.DataError(
        f"The manifest of {name} cannot be used: {why}.",
        "It was not written by gitexp, or has been damaged: get the data from where it was made.",
        code="bad-manifest",
    )
