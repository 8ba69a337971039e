"""New objects in packs that no other Git deletes, however little refers to them yet.

`git prune` and `git gc --prune=now` look for what the refs refer to, and minutes later delete all else. An
object that was written meanwhile goes with it, also if a ref refers to it by then. Git spares one kind of
object: those in a pack with a file `.keep` beside it. So gitexp stores each new object in such a pack.

Twelve hours later, no prune can be on its way any more that began before the refs: Git itself takes a gc for
dead by then. A large pack then becomes an ordinary one, by the removal of its `.keep`. Small packs are folded
into one while there are many. No object is ever deleted here. See gitformat-pack(5).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from gitexp import errors, nofollow
from gitexp.failpoints import failpoint
from gitexp.named_tuple import NamedTuple
from gitexp.objects import disk
from gitexp.regex import regex
from gitexp.repo.git.locking.locks import is_stale
from gitexp.repo.git.objects.new_objects import Entry, NewObject, pack, packed

_KEPT_FOR = 12 * 3600.0  # seconds
_TRUSTED_FOR = 6 * 3600.0  # seconds; an object in a younger pack of gitexp's needs no second pack
_SMALL = 8 << 20  # bytes
_MOST_SMALL = 20  # packs
_OURS = "676974657870"  # "gitexp"; the names of our packs begin so
_WHOLE, _WITH_DELTAS = "0", "d"  # next in the name: only packs of whole objects can be folded
_NAME = regex(rf"(pack-{_OURS}([0d])[0-9a-f]+)\.keep")
_TEMPORARY = regex(r"\.gitexp-[0-9a-f]{16}\.tmp")
_IDX = b"\xfftOc\0\0\0\2"  # version 2
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
_SHARED = {
    **dict.fromkeys(("group", "true", "1"), 0o440),
    **dict.fromkeys(("all", "world", "everybody", "2"), 0o444),
}


class _Pack(NamedTuple):
    """A pack of gitexp's with a `.keep`: its name without an ending, and its size in bytes."""

    name: str
    size: int
    is_whole: bool

    @property
    def is_small(self) -> bool:
        return self.is_whole and self.size < _SMALL


class KeptPacks:
    """The packs of gitexp's in a repository.

    Args:
        folder: the folder of all packs.
        object_format: "sha1" or "sha256".
        shared: the value of core.sharedRepository.
    """

    def __init__(self, folder: Path, object_format: str, shared: str) -> None:
        self._folder = folder
        self._format = object_format
        self._shared = shared.lower()

    def store(self, objects: Sequence[NewObject]) -> None:
        """Store objects; raises DiskFull, ReadOnlyRepository or StorageError."""
        with self._translated():
            self._store(packed(objects))
        self._tidy()

    def adopt(self, packs: Iterable[Path], *, with_deltas: bool = False) -> None:
        """Move packs in here, given by their paths without an ending; raises the errors of `store`."""
        with self._translated():
            for path in packs:
                self._put(_with_ending(path, ".pack"), _with_ending(path, ".idx"), with_deltas=with_deltas)
        self._tidy()

    def lend(self, folder: Path) -> None:
        """Make links in another folder of packs to the packs kept for hours from now on.

        So a Git at work in the other folder leaves out their objects.
        """
        with contextlib.suppress(OSError):  # a second pack of an object does no harm
            for one in self._kept():
                if self._age(one.name) < _TRUSTED_FOR:
                    for ending in (".keep", ".pack", ".idx"):
                        name = f"{one.name}{ending}"
                        with contextlib.suppress(FileExistsError):  # lent before
                            (folder / name).symlink_to(self._folder / name)

    def release(self, *, small: bool) -> None:
        """Make ordinary packs of the large packs, or with `small` of all, that were kept for long enough."""
        with contextlib.suppress(OSError):
            self._release([one for one in self._kept() if small or not one.is_small])

    def _release(self, packs: Iterable[_Pack]) -> None:
        for one in packs:
            if self._age(one.name) > _KEPT_FOR:
                (self._folder / f"{one.name}.keep").unlink(missing_ok=True)
                failpoint("packs:released")

    # -- writing ----------------------------------------------------------------------------------

    def _store(self, entries: Mapping[str, Entry]) -> None:
        """Make a pack with entries by their objects' ids."""
        content, idx = _pack_and_idx(entries, self._format)
        files: list[Path] = []
        try:
            for data in (content, idx):
                files.append(self._temporary())
                self._write(files[-1], data)
            disk.sync([str(file) for file in files])
            self._put(*files)
        finally:
            for file in files:
                file.unlink(missing_ok=True)

    def _temporary(self) -> Path:
        return self._folder / f".gitexp-{secrets.token_hex(8)}.tmp"

    def _write(self, file: Path, data: bytes) -> None:
        """Write a new file, with the permissions that the repository wants for its packs."""
        self._folder.mkdir(exist_ok=True)
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o444)
        with os.fdopen(fd, "wb") as target:
            target.write(data)
            if self._shared in _SHARED:
                file.chmod(os.fstat(fd).st_mode & 0o444 | _SHARED[self._shared])
            elif re.fullmatch("0[0-7]{3}", self._shared):
                file.chmod(int(self._shared, 8) & 0o444)

    def _put(self, content: Path, idx: Path, *, with_deltas: bool = False) -> None:
        """Move a pack and its idx in here. As Git does: first the `.keep`, last the idx."""
        # A name of its own: a Git that deletes a pack of the same content deletes it by its name.
        start = _OURS + (_WITH_DELTAS if with_deltas else _WHOLE)
        digits = secrets.token_hex(32)[: hashlib.new(self._format).digest_size * 2 - len(start)]
        target = self._folder / f"pack-{start}{digits}"
        self._write(_with_ending(target, ".keep"), b"gitexp: new objects\n%d\n" % time.monotonic())
        failpoint("packs:kept")
        self._move(content, _with_ending(target, ".pack"))
        failpoint("packs:packed")
        self._move(idx, _with_ending(target, ".idx"))
        disk.sync([str(self._folder)])
        failpoint("packs:stored")

    def _move(self, file: Path, target: Path) -> None:
        try:
            file.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            temporary = self._temporary()
            shutil.copy(file, temporary)
            disk.sync([str(temporary)])
            temporary.rename(target)

    # -- tidying up -------------------------------------------------------------------------------

    def _tidy(self) -> None:
        """Release large packs that are old, and fold small ones where there are many."""
        # What cannot be done now does no harm, and the next command tries again. Two that fold at the same
        # time make two packs of the same objects.
        with contextlib.suppress(OSError, errors.GitexpError):
            kept = self._kept()
            with contextlib.suppress(OSError):
                self._release([one for one in kept if not one.is_small])
            small = [one for one in kept if one.is_small]
            if len(small) > _MOST_SMALL:
                self._fold(sorted(small, key=lambda one: one.size))
                self._remove_leftovers()

    def _kept(self) -> list[_Pack]:
        """The complete packs with a `.keep` of gitexp's."""
        names = {file.name for file in self._folder.iterdir()}
        found = []
        for name in names:
            match = _NAME.fullmatch(name)
            if match is not None and f"{match[1]}.idx" in names:
                with contextlib.suppress(FileNotFoundError):
                    size = (self._folder / f"{match[1]}.pack").stat().st_size
                    found.append(_Pack(match[1], size, match[2] == _WHOLE))
        return found

    def _age(self, name: str) -> float:
        """The seconds that a pack has been kept at least.

        The time since the start of the system counts too: a clock that jumps makes no pack old. After
        another start, that time says nothing.
        """
        keep = self._folder / f"{name}.keep"
        by_clock = time.time() - keep.stat().st_mtime
        # A stranger's archive may have a link or a pipe of this name.
        with contextlib.suppress(ValueError, IndexError, nofollow.NotPlain):
            text = nofollow.read(self._folder, keep.name, shared=True)
            since = time.monotonic() - float(text.split(b"\n")[1])
            if since >= 0:
                return min(by_clock, since)
        return by_clock

    def _fold(self, packs: Sequence[_Pack]) -> None:
        """Put the objects of some packs into one new pack, the smallest packs first."""
        entries: dict[str, Entry] = {}
        folded, size = [], 0
        for one in packs:
            size += one.size
            if size > 2 * _SMALL:
                break
            if (found := self._entries(one.name)) is not None:
                entries |= found
                folded.append(one)
        if len(folded) > 1:
            self._store(entries)
            failpoint("packs:folded")
            for one in folded:
                for ending in (".idx", ".pack", ".keep"):
                    (self._folder / f"{one.name}{ending}").unlink(missing_ok=True)

    def _entries(self, name: str) -> dict[str, Entry] | None:
        """The entries of a pack by their objects' ids; None for a damaged pack."""
        content = nofollow.read(self._folder, f"{name}.pack", shared=True)
        idx = nofollow.read(self._folder, f"{name}.idx", shared=True)
        try:
            found = _read_idx(idx, content, hashlib.new(self._format).digest_size)
        except ValueError:
            return None
        if any(zlib.crc32(entry.data) != entry.crc for entry in found.values()):
            return None
        return found

    def _remove_leftovers(self) -> None:
        """Remove what a killed gitexp has left: files with no pack, and packs with no idx."""
        names = {file.name for file in self._folder.iterdir()}
        for name in names:
            if _TEMPORARY.fullmatch(name) and is_stale(self._folder / name):
                (self._folder / name).unlink(missing_ok=True)
            match = _NAME.fullmatch(name)
            if match is not None and f"{match[1]}.idx" not in names and self._age(match[1]) > _KEPT_FOR:
                for ending in (".pack", ".keep"):
                    (self._folder / f"{match[1]}{ending}").unlink(missing_ok=True)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with disk.translated("could not write new objects for Git"):
                yield
        except errors.StorageError as error:
            cause = error.__cause__
            if isinstance(cause, OSError) and cause.errno in _READ_ONLY:
                raise errors.ReadOnlyRepository(
                    f"The repository cannot be written: {self._folder}: {cause.strerror}.",
                    "Check the permissions of its .git folder.",
                ) from cause
            raise


def _with_ending(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _pack_and_idx(entries: Mapping[str, Entry], object_format: str) -> tuple[bytes, bytes]:
    """The contents of a pack with these entries, and of its idx."""
    content = pack([entry.data for entry in entries.values()], object_format)
    size = hashlib.new(object_format).digest_size
    offsets, at = {}, len(content) - size - sum(len(entry.data) for entry in entries.values())
    for oid, entry in entries.items():
        offsets[oid] = at
        at += len(entry.data)
    ids = sorted(entries)
    counts = [0] * 256
    for oid in ids:
        counts[int(oid[:2], 16)] += 1
    parts, total = [_IDX], 0
    for count in counts:
        total += count
        parts.append(total.to_bytes(4, "big"))
    parts += [bytes.fromhex(oid) for oid in ids]
    parts += [entries[oid].crc.to_bytes(4, "big") for oid in ids]
    parts += [offsets[oid].to_bytes(4, "big") for oid in ids]
    parts.append(content[-size:])
    idx = b"".join(parts)
    return content, idx + hashlib.new(object_format, idx).digest()


def _read_idx(idx: bytes, content: bytes, size: int) -> dict[str, Entry]:
    """The entries of a pack with this idx and this content; ids have `size` bytes."""
    if not idx.startswith(_IDX):
        raise ValueError("of another version")
    begin = len(_IDX) + 4 * 256
    count = int.from_bytes(idx[begin - 4 : begin], "big")
    crcs = begin + count * size
    offsets = crcs + 4 * count
    found = []
    for rank in range(count):
        oid = idx[begin + rank * size : begin + (rank + 1) * size].hex()
        crc = int.from_bytes(idx[crcs + 4 * rank : crcs + 4 * rank + 4], "big")
        found.append((int.from_bytes(idx[offsets + 4 * rank : offsets + 4 * rank + 4], "big"), oid, crc))
    found.sort()
    ends = [offset for offset, _, _ in found[1:]]
    ends.append(len(content) - size)
    entries = {}
    for (offset, oid, crc), end in zip(found, ends, strict=True):
        entries[oid] = Entry(crc, content[offset:end])
    return entries
