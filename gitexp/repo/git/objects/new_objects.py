"""Objects made here and given to Git together, in a pack, the way a fetch gives them.

So the end of a run needs no Git process for its log, its trees and its commits. See gitformat-pack(5), and
`gitexp.repo.git.objects.kept_packs` for the place of the packs.
"""

from __future__ import annotations

import hashlib
import re
import time
import zlib
from collections.abc import Iterable, Sequence

from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.repo.git.values import TreeEntry

_LARGE = 64 * 1024  # bytes
_QUICK = 1  # zlib's level for larger objects: a third of the time of its usual one for 7 % more bytes
_TYPES = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}  # numbers in a pack
# A name or address that Git writes unchanged; from others it takes some characters away.
_PLAIN = regex(r"""[^\x00-\x20.,:;<>"\\'\x7f](?:[^\x00-\x1f<>\x7f]*[^\x00-\x20.,:;<>"\\'\x7f])?""")
_STORED_DATE = regex(r"@?([1-9][0-9]{8,9} [+-](?:0[0-9]|1[0-3])[0-5][0-9])", re.ASCII)


class NewObject(NamedTuple):
    """An object that Git may lack: its type, its content and its id."""

    kind: str
    content: bytes
    id: str


class Entry(NamedTuple):
    """An object as a pack has it: the checksum of the bytes, and the bytes."""

    crc: int
    data: bytes


def new_object(kind: str, content: bytes, object_format: str) -> NewObject:
    """The object with this content, and its id in Git."""
    digest = hashlib.new(object_format, f"{kind} {len(content)}\0".encode())
    digest.update(content)
    return NewObject(kind, content, digest.hexdigest())


def packed(objects: Iterable[NewObject]) -> dict[str, Entry]:
    """The entries of a pack by the ids of objects, each whole and not a difference from another object."""
    entries = {}
    for each in objects:
        # Type and size: four bits of the size in the first byte, seven in each other one, the lowest first.
        rest = len(each.content)
        head = bytearray()
        byte, rest = _TYPES[each.kind] << 4 | rest & 15, rest >> 4
        while rest:
            head.append(byte | 128)
            byte, rest = rest & 127, rest >> 7
        head.append(byte)
        level = -1
        if len(each.content) > _LARGE:
            level = _QUICK
        data = bytes(head) + zlib.compress(each.content, level)
        entries[each.id] = Entry(zlib.crc32(data), data)
    return entries


def pack(entries: Sequence[bytes], object_format: str) -> bytes:
    """The content of a pack with these entries."""
    whole = b"".join([b"PACK", (2).to_bytes(4, "big"), len(entries).to_bytes(4, "big"), *entries])
    return whole + hashlib.new(object_format, whole).digest()


def tree_content(entries: Iterable[TreeEntry]) -> bytes:
    """The content of a tree with these entries in Git's order: a folder's name counts with a slash."""

    def in_order(entry: TreeEntry) -> bytes:
        return entry.name + b"/" if entry.kind == "tree" else entry.name

    return b"".join(
        entry.mode.lstrip("0").encode() + b" " + entry.name + b"\0" + bytes.fromhex(entry.id)
        for entry in sorted(entries, key=in_order)
    )


def commit_content(tree: str, parents: Sequence[str], author: str, committer: str, message: str) -> bytes:
    """The content of a commit; bytes outside UTF-8 are read as Latin-1, the way Git does."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    return _encoded("\n".join([*lines, f"author {author}", f"committer {committer}", "", message]))


def tag_content(commit: str, name: str, tagger: str, message: str) -> bytes:
    """The content of an annotated tag of a commit, with the encoding of `commit_content`."""
    lines = [f"object {commit}", "type commit", f"tag {name}", f"tagger {tagger}", "", message]
    return _encoded("\n".join(lines))


def _encoded(text: str) -> bytes:
    return re.sub("[\udc80-\udcff]", lambda match: chr(ord(match[0]) - 0xDC00), text).encode()


def signature(name: str, email: str, date: str = "") -> str | None:
    """Name, address and time for a commit.

    Args:
        date: the time as Git stores it, seconds since 1970 and the zone; "": now.

    None for a name that Git would change, and for a date in another form.
    """
    if not _PLAIN.fullmatch(name) or not _PLAIN.fullmatch(email):
        return None
    if not date:
        return f"{name} <{email}> {_now()}"
    stored = _STORED_DATE.fullmatch(date)
    if stored is None:
        return None
    return f"{name} <{email}> {stored[1]}"


def _now() -> str:
    """The present time as Git stores it: seconds since 1970, and the zone."""
    now = int(time.time())
    minutes = time.localtime(now).tm_gmtoff // 60
    sign = "-" if minutes < 0 else "+"
    hours, minutes = divmod(abs(minutes), 60)
    return f"{now} {sign}{hours:02}{minutes:02}"
