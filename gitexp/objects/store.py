"""The object store: each content once, under its SHA-256, read-only.

    <folder>/<2 hex digits>/<62 hex digits>          a file
    <folder>/<2 hex digits>/<62 hex digits>.dir      the manifest of a folder
    <folder>/tmp/                                    objects that are being written

An object gets its name when all of it is on the disk, so an object is either whole or absent. It may be
damaged later: every reader hashes it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gitexp import errors, nofollow
from gitexp.model import Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.objects import manifest, paths
from gitexp.objects.disk import translated
from gitexp.objects.hashing import Read, copied, hash_file, hash_open, in_parallel, large_first, write_all
from gitexp.objects.intake import READ_ONLY, Intake, new_file
from gitexp.objects.manifest import FOLDER, Manifest, is_folder, is_hash
from gitexp.objects.progress import Count, OnProgress
from gitexp.objects.scan import GONE, LeftOut, ScannedFile, Walked, described, read_anew, unreadable, walk
from gitexp.objects.stat_cache import StatCache
from gitexp.regex import regex

FRESH = 3600.0  # seconds; an object that is to be used is made at least so fresh, so that gc leaves it

_FAN = regex(r"[0-9a-f]{2}")


class StoredObject(NamedTuple):
    """An object in a store or on a remote.

    Attributes:
        size: in bytes; -1 if the remote does not tell.
        mtime: seconds since 1970; 0 if the remote does not tell.
    """

    hash: str
    size: int
    mtime: float


class ObjectStore:
    """The store in a folder, made with the first object."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prefix = os.path.join(folder, "")

    # -- looking ----------------------------------------------------------------------------------

    def path(self, hash_: str) -> Path:
        """The path of an object, present or not."""
        return Path(self._full(hash_))

    def has(self, hash_: str) -> bool:
        """Whether the store has an object of this name."""
        return self.stat(hash_) is not None

    def holds(self, hash_: str, size: int) -> bool:
        """Whether the store has an object of this name and size in bytes."""
        of = self.stat(hash_)
        return of is not None and of.st_size == size

    def stat(self, hash_: str) -> os.stat_result | None:
        """The stat of an object; None for an absent object, and for a link or a pipe in its place."""
        try:
            of = os.lstat(self._full(hash_))
        except OSError:
            return None
        return of if stat.S_ISREG(of.st_mode) else None

    def missing(self, hashes: Iterable[str]) -> list[str]:
        """The hashes without an object, each once, in order."""
        return [hash_ for hash_ in dict.fromkeys(hashes) if not self.has(hash_)]

    def fan(self, hash_: str) -> nofollow.Folder:
        """The folder of an object, opened. Raises OSError."""
        return nofollow.opened(self.folder, hash_[:2])

    @contextmanager
    def opened(self, hash_: str) -> Iterator[int]:
        """Open an object and give its descriptor. Raises OSError, also for a link in its place."""
        name = self.name(hash_)
        with self.fan(hash_) as fan:
            fd = fan.open(name, shared=True)
        try:
            yield fd
        finally:
            os.close(fd)

    def read(self, hash_: str, most: int = -1) -> bytes:
        """The content of an object, unverified, or its first `most` bytes. Raises OSError."""
        with self.opened(hash_) as fd, open(fd, "rb", closefd=False) as file:
            return file.read(most)

    def manifest(self, hash_: str) -> Manifest:
        """The manifest of a folder. Raises MissingData, DamagedObject, BadManifest."""
        try:
            text = self.read(hash_)
        except FileNotFoundError as error:
            raise errors.MissingData(f"The folder {hash_} is not in the store.") from error
        if hashlib.sha256(text).hexdigest() + FOLDER != hash_:
            raise damaged(hash_)
        return manifest.parse(text, hash_)

    def contents(self, hash_: str) -> list[str]:
        """The hash of an artifact and, for a folder, of all its files. Raises as `manifest`."""
        if not is_folder(hash_):
            return [hash_]
        return [hash_, *dict.fromkeys(file.hash for file in self.manifest(hash_).files)]

    def verify(self, hash_: str) -> bool:
        """Whether an object is present, with the content of its hash."""
        try:
            with self.opened(hash_) as fd:
                return hash_open(fd) == hash_.removesuffix(FOLDER)
        except OSError:
            return False

    def hashes(self) -> Iterator[StoredObject]:
        """Every object, in the order of hashes within each first two digits."""
        with suppress(FileNotFoundError):
            for fan in sorted(os.listdir(self.folder)):
                if _FAN.fullmatch(fan):
                    yield from self._in_fan(fan)

    def _in_fan(self, fan: str) -> Iterator[StoredObject]:
        # Objects behind a link are another project's: nothing is to be removed or mended there.
        if os.path.islink(self.folder / fan):
            return
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.folder / fan) as entries:
            for entry in entries:
                if is_hash(fan + entry.name):
                    with suppress(FileNotFoundError):
                        of = entry.stat(follow_symlinks=False)
                        yield StoredObject(fan + entry.name, of.st_size, of.st_mtime)

    @staticmethod
    def name(hash_: str) -> str:
        """The name of an object in its folder, `fan`."""
        if not is_hash(hash_):
            raise ValueError(f"no hash: {hash_!r}")
        return hash_[2:]

    def _full(self, hash_: str) -> str:
        if not is_hash(hash_):
            raise ValueError(f"no hash: {hash_!r}")
        return f"{self._prefix}{hash_[:2]}{os.sep}{hash_[2:]}"

    # -- putting in -------------------------------------------------------------------------------

    def add(
        self,
        root: Path,
        path: str,
        cache: StatCache,
        on_progress: OnProgress | None = None,
        *,
        verified: bool = False,
        left_out: LeftOut | None = None,
    ) -> Artifact:
        """Store the file or folder at a path relative to the root of the workspace, and return the
        artifact.

        Writes absent and damaged objects only. Damage is looked for in the objects of files that have to
        be read; with `verified`, for files about to be deleted, in all objects. With `left_out`, an
        unstorable file of a folder is named in the list, and the others are stored. Raises UnsafePath;
        UnstorableData, also for a folder with names forbidden on some system; DiskFull or StorageError.
        """
        if why := paths.fault(path):
            raise errors.UnsafePath(f"{path!a} {why}.", "Call it something else.")
        walked = walk(root, path, cache, strict=True, left_out=left_out)
        if walked is None:
            raise _not_there(path)
        if walked.is_folder and (why := manifest.fault(found.path for found in walked.files)):
            raise errors.UnstorableData(
                f"{path} could not be brought to every system: {why}.", "Rename what is called so."
            )
        with translated(f"could not store {path}"), self.intake() as intake:
            left, reads = self._read_in(intake, walked, cache, on_progress, verified=verified)
            scanned = described(left, reads)
            if scanned is None:
                raise _not_there(path)
            if scanned.manifest is not None:
                intake.flush()  # a process that finds a folder must find the folder's files
                self._put_manifest(intake, scanned.manifest)
        return scanned.artifact

    def _read_in(
        self,
        intake: Intake,
        walked: Walked,
        cache: StatCache,
        on_progress: OnProgress | None,
        *,
        verified: bool,
    ) -> tuple[Walked, dict[str, Read]]:
        """Store the files of a walk, and return them like `Walked.noted`."""
        if verified:
            now = read_anew(walked.files, cache)
            walked = walked._replace(files=[found for found in now if found is not None])
        here = self._are_here(walked.files, verified=verified)
        unread = []
        for found, is_here in zip(walked.files, here, strict=True):
            if not is_here:
                unread.append(found)
        unread = large_first(unread, lambda found: found.stat.st_size)
        size = sum(found.stat.st_size for found in unread)
        count = Count(on_progress, len(unread), size)

        def take_in(found: ScannedFile) -> Read | None:
            return self._take_in(intake, found, count)

        return walked.noted(cache, zip(unread, in_parallel(take_in, unread, size), strict=True))

    def adopt(self, temporary: Path, hash_: str) -> None:
        """Move a downloaded file into the store. Raises DamagedObject for other content than the hash says;
        BadManifest."""
        with translated(f"could not store {hash_}"), self.intake() as intake:
            if hash_file(temporary)[0] != hash_.removesuffix(FOLDER):
                raise damaged(hash_)
            self.take_over(intake, temporary, hash_)

    def take_over(self, intake: Intake, temporary: Path, hash_: str) -> None:
        """Move a file that has this hash into the store. Raises BadManifest."""
        if is_folder(hash_):
            manifest.parse(temporary.read_bytes(), hash_)
        temporary.chmod(READ_ONLY)
        intake.put(str(temporary), self._full(hash_))

    def put_manifest(self, found: Manifest) -> None:
        """Store the manifest of a folder, whose files may be elsewhere. Raises DiskFull or StorageError."""
        with translated("could not store the list of a folder"), self.intake() as intake:
            self._put_manifest(intake, found)

    def intake(self) -> Intake:
        """An intake for many objects at once."""
        return Intake(self.folder)

    def new_temp(self) -> Path:
        """The path for a new file, to be adopted later."""
        return new_file(self.folder)

    def remove(self, hash_: str) -> None:
        """Remove an object, if present."""
        name = self.name(hash_)
        if os.name == "nt":
            with suppress(FileNotFoundError):
                self.path(hash_).chmod(0o666)
        with suppress(FileNotFoundError), self.fan(hash_) as fan:
            fan.remove(name)

    def _are_here(self, files: Sequence[ScannedFile], *, verified: bool) -> list[bool]:
        """For each file, whether its hash is known and its object present; with `verified`, and whole."""

        def is_here(found: ScannedFile) -> bool:
            return found.hash is not None and self._is_kept(found.hash, found.stat.st_size)

        def is_whole(found: ScannedFile) -> bool:
            return found.hash is not None and is_here(found) and self.verify(found.hash)

        if not verified:
            return [is_here(found) for found in files]
        return list(in_parallel(is_whole, files, sum(found.stat.st_size for found in files)))

    def _is_kept(self, hash_: str, size: int) -> bool:
        """Whether the store has an object of this size. The object is made fresh: gc leaves fresh objects."""
        of = self.stat(hash_)
        if of is None:
            return False
        # A hard link of it in a workspace would get the new time, too; and gc leaves such an object.
        if time.time() - of.st_mtime > FRESH and of.st_nlink == 1:
            try:
                with self.fan(hash_) as fan:
                    fan.touch(self.name(hash_))
            except OSError:
                return False
        return of.st_size == size

    def _take_in(self, intake: Intake, found: ScannedFile, count: Count) -> Read | None:
        """Copy a file into the store, unless a whole object is there. The file as read; None if missing."""
        target, temporary = intake.new()
        if found.target is not None:
            return self._take_in_link(intake, found, target, temporary, count)
        try:
            # Of the two files, the one in the workspace will be read next.
            read = copied(found.full, target, temporary, count.add, stays="source")
            count.done()
        except OSError as error:
            if error.filename != found.full:
                raise
            if isinstance(error, GONE):
                return None
            raise unreadable(found.full, error) from error
        finally:
            os.close(target)
        if self._is_kept(read.hash, read.stat.st_size) and self.verify(read.hash):
            os.unlink(temporary)
        else:
            self._put(intake, temporary, read.hash)
        return read

    def _take_in_link(
        self, intake: Intake, found: ScannedFile, target: int, temporary: str, count: Count
    ) -> Read | None:
        """Store the text of a link like a file."""
        assert found.target is not None
        assert found.hash is not None
        try:
            write_all(target, found.target)
        finally:
            os.close(target)
        self._put(intake, temporary, found.hash)
        count.done()
        return Read(found.hash, found.stat, False)

    def _put(self, intake: Intake, temporary: str, hash_: str) -> None:
        if os.name == "nt":  # which replaces no file that is read-only
            self.remove(hash_)
        intake.put(temporary, self._full(hash_))

    def _put_manifest(self, intake: Intake, found: Manifest) -> None:
        if not (self._is_kept(found.hash, len(found.text)) and self.verify(found.hash)):
            target, temporary = intake.new()
            try:
                write_all(target, found.text)
            finally:
                os.close(target)
            self._put(intake, temporary, found.hash)


def _not_there(path: str) -> errors.UnstorableData:
    return errors.UnstorableData(f"{path} is not there.", "Is the name right?")


def damaged(hash_: str) -> errors.DamagedObject:
    """The error for an object whose content does not have the hash in its name."""
    return errors.DamagedObject(
        f"The object {hash_} in the store is damaged: it is not what was put there.",
        "gitexp fsck says which experiments want it, and mends it from a remote.",
        hash=hash_,
    )
