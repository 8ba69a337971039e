"""An index of content by two hashes: the SHA-256 of gitexp's, and the MD5 of DVC's.

The index is a text file for this machine only; it can be made again from DVC's cache. Lines are only ever
appended, and each ends with a checksum: a line that a kill has cut short is passed over.

    VERSION SHA256 SIZE MD5 CHECKSUM
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from zlib import crc32

from gitexp import nofollow
from gitexp.named_tuple import NamedTuple

_VERSION = b"1"
NAME = "dvc.index"


class HashedContent(NamedTuple):
    """A file's content.

    Attributes:
        hash: SHA-256 in hexadecimal.
        size: bytes.
        md5: MD5 in hexadecimal, of the content or of the text with plain line ends.
    """

    hash: str
    size: int
    md5: str


class DvcIndex:
    """The index in a folder. Without a right to write, new lines live as long as this object."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._by_md5: dict[str, HashedContent] = {}
        self._by_hash: dict[str, list[str]] = {}
        with contextlib.suppress(OSError):
            for line in nofollow.read(folder, NAME).split(b"\n"):
                self._take_in(line)

    def by_md5(self, md5: str) -> HashedContent | None:
        """The content with an MD5; None if unknown."""
        return self._by_md5.get(md5)

    def md5s(self, hash_: str) -> Sequence[str]:
        """The MD5s of a content: several for a text whose line ends count, or do not."""
        return self._by_hash.get(hash_, ())

    def add(self, contents: Iterable[HashedContent]) -> None:
        """Write down new content."""
        lines = []
        for each in contents:
            if each.md5 not in self._by_md5:
                self._put(each)
                lines.append(_line(each))
        if lines:
            # The text begins with a line break: a kill may have cut the last line short.
            with contextlib.suppress(OSError), nofollow.opened(self._folder) as folder:
                folder.append(NAME, b"\n%b\n" % b"\n".join(lines))

    def _put(self, content: HashedContent) -> None:
        self._by_md5[content.md5] = content
        self._by_hash.setdefault(content.hash, []).append(content.md5)

    def _take_in(self, line: bytes) -> None:
        text, _, checksum = line.rpartition(b" ")
        words = text.split(b" ")
        if checksum == _checksum(text) and len(words) == 4 and words[0] == _VERSION:
            hash_, size, md5 = (word.decode("ascii") for word in words[1:])
            self._put(HashedContent(hash_, int(size), md5))


def _line(content: HashedContent) -> bytes:
    text = b"%b %b %d %b" % (_VERSION, content.hash.encode(), content.size, content.md5.encode())
    return b"%b %b" % (text, _checksum(text))


def _checksum(text: bytes) -> bytes:
    return b"%08x" % crc32(text)
