"""The store of contents: each file once, under its SHA-256, read-only.

    <folder>/<2 hex digits>/<62 hex digits>          a file
    <folder>/<2 hex digits>/<62 hex digits>.dir      the manifest of a folder
    <folder>/tmp/                                    what is being written

An object has its name only when all of it is on the disk; so it is either whole or not there, and whoever
finds it need not ask who put it. It may still be damaged later: whoever reads one back hashes it.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from gitexp import errors
from gitexp.model import Artifact
from gitexp.objects import manifest, paths
from gitexp.objects.disk import translated
from gitexp.objects.hashing import Read, copied, hash_file, in_parallel, large_first, write_all
from gitexp.objects.intake import READ_ONLY, Intake, new_file
from gitexp.objects.manifest import FOLDER, Manifest, is_folder, is_hash
from gitexp.objects.progress import Count, OnProgress
from gitexp.objects.scan import GONE, ScannedFile, described, unreadable, walk
from gitexp.objects.stat_cache import StatCache

FRESH = 3600.0  # seconds; what is found here and to be used is at least as fresh, so that gc leaves it

_FAN = re.compile(r"[0-9a-f]{2}")


class ObjectStore:
    """The store in one folder, which is made when something is put there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prefix = os.path.join(folder, "")

    # -- looking ----------------------------------------------------------------------------------

    def path(self, hash_: str) -> Path:
        """Return where an object stands, or would stand."""
        return Path(self._full(hash_))

    def has(self, hash_: str) -> bool:
        """Return whether there is an object of this name."""
        return os.path.exists(self._full(hash_))

    def holds(self, hash_: str, size: int) -> bool:
        """Return whether there is an object of this name and size."""
        try:
            return os.stat(self._full(hash_)).st_size == size
        except OSError:
            return False

    def missing(self, hashes: Iterable[str]) -> list[str]:
        """Return those that are not there, each once, in order."""
        return [hash_ for hash_ in dict.fromkeys(hashes) if not self.has(hash_)]

    def manifest(self, hash_: str) -> Manifest:
        """Return the files of a folder.

        Raises MissingData; DamagedObject if what is there is not what was put there; BadManifest.
        """
        try:
            text = self.path(hash_).read_bytes()
        except FileNotFoundError as error:
            raise errors.MissingData(f"The folder {hash_} is not in the store.") from error
        if hashlib.sha256(text).hexdigest() + FOLDER != hash_:
            raise damaged(hash_)
        return manifest.parse(text, hash_)

    def contents(self, hash_: str) -> list[str]:
        """Return the hash of an artifact and, if it is a folder, those of its files; raises as `manifest`."""
        if not is_folder(hash_):
            return [hash_]
        return [hash_, *dict.fromkeys(file.hash for file in self.manifest(hash_).files)]

    def verify(self, hash_: str) -> bool:
        """Return whether an object is there and is, byte for byte, what its name says."""
        try:
            return hash_file(self._full(hash_))[0] == hash_.removesuffix(FOLDER)
        except (OSError, errors.UnstorableData):
            return False

    def hashes(self) -> Iterator[tuple[str, int, float]]:
        """Return the name, size and time of modification of every object."""
        with suppress(FileNotFoundError):
            for fan in sorted(os.listdir(self.folder)):
                if _FAN.fullmatch(fan):
                    yield from self._in_fan(fan)

    def _in_fan(self, fan: str) -> Iterator[tuple[str, int, float]]:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.folder / fan) as entries:
            for entry in entries:
                if is_hash(fan + entry.name):
                    with suppress(FileNotFoundError):
                        of = entry.stat(follow_symlinks=False)
                        yield fan + entry.name, of.st_size, of.st_mtime

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
    ) -> Artifact:
        """Store what stands at a path relative to the root of the workspace, and return it.

        Only what is not there yet is written, or what is there and damaged: that is looked at for each file
        that had to be read, and with `verified`, for files that are to be deleted, for all of them. Raises
        UnsafePath; UnstorableData also for a folder that could not be brought to every system; DiskFull or
        StorageError.
        """
        if why := paths.fault(path):
            raise errors.UnsafePath(f"{path!a} {why}.", "Call it something else.")
        walked = walk(root, path, cache, strict=True)
        if walked is None:
            raise _not_there(path)
        if walked.is_folder and (why := manifest.fault(found.path for found in walked.files)):
            raise errors.UnstorableData(
                f"{path} could not be brought to every system: {why}.", "Rename what is called so."
            )
        with translated(f"could not store {path}"), self.intake() as intake:
            here = self._are_here(walked.files, verified=verified)
            unread = (each for each, known in zip(walked.files, here, strict=True) if not known)
            unknown = large_first(unread, lambda each: each.stat.st_size)
            size = sum(each.stat.st_size for each in unknown)
            count = Count(on_progress, len(unknown), size)

            def take_in(found: ScannedFile) -> Read | None:
                return self._take_in(intake, found, count)

            taken = in_parallel(take_in, unknown, size)
            left, reads = walked.noted(cache, zip(unknown, taken, strict=True))
            scanned = described(left, reads)
            if scanned is None:
                raise _not_there(path)
            if scanned.manifest is not None:
                intake.flush()  # whoever finds a folder finds its files
                self._put_manifest(intake, scanned.manifest)
        return scanned.artifact

    def adopt(self, temporary: Path, hash_: str) -> None:
        """Take over a file that was downloaded; raises DamagedObject if it is not what it should be,
        BadManifest for a folder that could not be written."""
        with translated(f"could not store {hash_}"), self.intake() as intake:
            if hash_file(temporary)[0] != hash_.removesuffix(FOLDER):
                raise damaged(hash_)
            self.take_over(intake, temporary, hash_)

    def take_over(self, intake: Intake, temporary: Path, hash_: str) -> None:
        """Take over a file that is known to be what it should be; raises BadManifest as `adopt`."""
        if is_folder(hash_):
            manifest.parse(temporary.read_bytes(), hash_)
        temporary.chmod(READ_ONLY)
        intake.put(str(temporary), self._full(hash_))

    def intake(self) -> Intake:
        """Return the way in, for many objects at once."""
        return Intake(self.folder)

    def new_temp(self) -> Path:
        """Return a path, not there yet, for an object that is to be adopted."""
        return new_file(self.folder)

    def remove(self, hash_: str) -> None:
        """Remove an object, if it is there."""
        path = self.path(hash_)
        if os.name == "nt":
            with suppress(FileNotFoundError):
                path.chmod(0o666)
        path.unlink(missing_ok=True)

    def _are_here(self, files: Sequence[ScannedFile], *, verified: bool) -> list[bool]:
        """Return of each file whether its content is known, and there."""
        here = [each.hash is not None and self._is_kept(each.hash, each.stat.st_size) for each in files]
        if verified:
            size = sum(each.stat.st_size for each in files)
            whole = in_parallel(lambda each: each.hash is not None and self.verify(each.hash), files, size)
            here = [*map(all, zip(here, whole, strict=True))]
        return here

    def _is_kept(self, hash_: str, size: int) -> bool:
        """Return whether an object is there, which is then too fresh for gc."""
        full = self._full(hash_)
        try:
            of = os.stat(full)
            # One that a workspace has as a hard link would be changed there, too.
            if time.time() - of.st_mtime > FRESH and of.st_nlink == 1:
                os.utime(full)
        except OSError:
            return False
        return of.st_size == size

    def _take_in(self, intake: Intake, found: ScannedFile, count: Count) -> Read | None:
        """Put a copy of a file into the store, if it is not there whole; return it as it was read, None if it
        is gone."""
        target, temporary = intake.new()
        try:
            # What is read next is rather the file of the workspace.
            read = copied(found.full, target, temporary, count.add, stays="source")
            count.done()
        except OSError as error:
            if error.filename == found.full:
                if isinstance(error, GONE):
                    return None
                raise unreadable(found.full, error) from error
            raise
        finally:
            os.close(target)
        if self._is_kept(read.hash, read.stat.st_size) and self.verify(read.hash):
            os.unlink(temporary)
        else:
            self._put(intake, temporary, read.hash)
        return read

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
    """Return the error for an object that is not what its name says."""
    return errors.DamagedObject(
        f"The object {hash_} in the store is damaged: it is not what was put there.",
        "gitexp fsck says which experiments want it, and mends it from a remote.",
        hash=hash_,
    )
