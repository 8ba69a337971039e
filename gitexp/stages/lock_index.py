"""An index of locks by the ids of their blobs: which stage keys and which artifacts each lock has.

The index is a text file for this machine only. All of it can be read again from Git, so it is safe to delete
at any time. Lines are only ever appended, and each ends with a checksum: a line that a kill has cut short, or
that two writers have mixed, is passed over, and its lock is read again.

    VERSION record COMMIT BLOB               the lock of an experiment's record; BLOB is "-" without a lock
    VERSION lock BLOB KEY=STAGE… HASH…       the content of a lock; keys and hashes are cut to 32 digits
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote
from zlib import crc32

from gitexp import nofollow
from gitexp.pipeline.key import stage_key
from gitexp.pipeline.lock import Lock

_VERSION = b"4"  # to be changed with the format, or with the meaning of a key
_DIGITS = 32  # 128 bits of a hash: enough, since a key that is found is compared whole
_NO_LOCK = "-"


class LockIndex:
    """The index in a file. Without a right to write, new lines live as long as this object."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blobs: dict[str, str] = {}
        self._locks: dict[str, bytes] = {}
        with contextlib.suppress(OSError):
            for line in nofollow.read(path.parent, path.name).split(b"\n"):
                self._take_in(line)

    def has_record(self, record: str) -> bool:
        return record in self._blobs

    def has_lock(self, blob: str) -> bool:
        return blob in self._locks

    def blob_of(self, record: str) -> str | None:
        """The id of a record's lock; None if the record has no lock, or is unknown."""
        blob = self._blobs.get(record)
        if blob == _NO_LOCK:
            return None
        return blob

    def stages_with(self, key: str, blob: str) -> Iterator[str]:
        """The names of a lock's stages with a key; the caller compares the whole key."""
        start = b" %b=" % _cut(key)
        text = self._locks.get(blob, b"")
        if start in text:
            for word in text.split(b" "):
                if word.startswith(start[1:]):
                    yield unquote(word[len(start) - 1 :])

    def has_artifact(self, hash_: str, blob: str) -> bool:
        """Whether a lock names an artifact."""
        return b" %b " % _cut(hash_) in self._locks.get(blob, b"")

    def add(self, records: Mapping[str, str | None], locks: Mapping[str, Lock]) -> None:
        """Write down new locks by their blobs, and the blobs of new records."""
        lines = []
        for blob, lock in locks.items():
            lines.append(_line("lock", blob, _words(lock)))
        for record, of in records.items():
            lines.append(_line("record", record, (of or _NO_LOCK).encode()))
        for line in lines:
            self._take_in(line)
        # The text begins with a line break: a kill may have cut the last line short.
        with contextlib.suppress(OSError), nofollow.opened(self._path.parent) as folder:
            folder.append(self._path.name, b"\n%b\n" % b"\n".join(lines))

    def _take_in(self, line: bytes) -> None:
        text, _, checksum = line.rpartition(b" ")
        if checksum != _checksum(text):
            return
        words = text.split(b" ", 3)
        if len(words) != 4 or words[0] != _VERSION:
            return
        name = words[2].decode("ascii", "replace")
        if words[1] == b"lock":
            self._locks[name] = b" %b " % words[3]
        else:
            self._blobs[name] = words[3].decode("ascii", "replace")


def index_file(folder: Path, project_folder: str) -> Path:
    """The path of the index for the locks of one gitexp.yaml: the paths in keys depend on its folder."""
    of = f"-{quote(project_folder, safe='')}" if project_folder else ""
    return folder / f"stages{of}.index"


def _words(lock: Lock) -> bytes:
    words = [
        b"%b=%b" % (_cut(stage_key(stage)), quote(name, safe="").encode())
        for name, stage in lock.stages.items()
    ]
    words += [_cut(artifact.hash) for artifact in lock.artifacts]
    return b" ".join(words)


def _cut(hash_: str) -> bytes:
    return hash_[:_DIGITS].encode()


def _line(kind: str, name: str, rest: bytes) -> bytes:
    text = b"%b %b %b %b" % (_VERSION, kind.encode(), name.encode(), rest)
    return b"%b %b" % (text, _checksum(text))


def _checksum(text: bytes) -> bytes:
    return b"%08x" % crc32(text)
