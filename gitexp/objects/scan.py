"""Files and folders of a workspace by their content: one walk, and only what is not known is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from gitexp import errors
from gitexp.model import Artifact
from gitexp.objects import paths
from gitexp.objects.hashing import Read, in_parallel, read_file
from gitexp.objects.manifest import File, Manifest
from gitexp.objects.stat_cache import Known, StatCache
from gitexp.objects.workspace_files import is_temporary

GONE = (FileNotFoundError, NotADirectoryError)  # raised for what somebody has removed meanwhile

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True, slots=True)
class Scanned:
    """What stands at a path; `manifest` is None for a file."""

    artifact: Artifact
    manifest: Manifest | None = None


class ScannedFile(NamedTuple):
    """One file that a walk came to. `path` is relative to where it began, "" for that itself.

    `full` is absolute; `hash` is None where the file has to be read. `link` says whether it is a link.
    """

    path: str
    full: str
    stat: os.stat_result
    hash: str | None
    link: bool = False


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk found: all files, whether they are in a folder or are the one file asked for.

    `untaken` are keys of the cache for files that are gone.
    """

    path: str
    is_folder: bool
    files: list[ScannedFile]
    untaken: list[bytes]

    def noted(
        self, cache: StatCache, reads: Iterable[tuple[ScannedFile, Read | None]]
    ) -> tuple[Walked, dict[str, Read]]:
        """Remember files as they were read since; return the walk less those that are gone (None), and what
        was read by path."""
        known, gone = dict[str, Read](), set[str]()
        for found, read in reads:
            if read is None:
                gone.add(found.path)
            else:
                cache.put(found.full, read)
                known[found.path] = read
        left = [found for found in self.files if found.path not in gone] if gone else self.files
        return replace(self, files=left), known


def scan(root: Path, path: str, cache: StatCache, *, but: Collection[str] = ()) -> Scanned | None:
    """Return what stands at a path relative to the root of the workspace; None if nothing does.

    Files and folders that are called as one of `but` are passed over.

    What is only to be compared may lead out by links, and what is Git's and gitexp's own in it does not
    count. Raises UnstorableData for pipes, links to nothing, unreadable files and files that keep changing.
    """
    walked = walk(root, path, cache, strict=False, but=but)
    if walked is None:
        return None
    unknown = [found for found in walked.files if found.hash is None]
    size = sum(found.stat.st_size for found in unknown)
    now = in_parallel(read, unknown, size)
    left, reads = walked.noted(cache, zip(unknown, now, strict=True))
    return described(left, reads)


def read(found: ScannedFile) -> Read | None:
    """Return a file that was found as it is read now, None if it is gone; raises UnstorableData."""
    try:
        return read_file(found.full)
    except GONE:
        return None
    except OSError as error:
        raise unreadable(found.full, error) from error


def described(walked: Walked, reads: Mapping[str, Read]) -> Scanned | None:
    """Return the artifact that a walk found, with the files that were read since as they were then; None for
    a file that is gone."""
    files = [_described(found, reads.get(found.path)) for found in walked.files]
    if not walked.is_folder:
        if not files:
            return None
        (file,) = files
        return Scanned(Artifact(walked.path, file.hash, file.size, executable=file.executable))
    manifest = Manifest.of(files)
    return Scanned(Artifact(walked.path, manifest.hash, manifest.size, len(files)), manifest)


def _described(found: ScannedFile, read: Read | None) -> File:
    of = found.stat if read is None else read.stat
    hash_ = found.hash if read is None else read.hash
    assert hash_ is not None
    return File(found.path, hash_, of.st_size, bool(of.st_mode & 0o100))


def walk(
    root: Path, path: str, cache: StatCache, *, strict: bool, but: Collection[str] = ()
) -> Walked | None:
    """Return the files at a path, with the hashes that are known of them; None if nothing is there.

    With `strict`, for what is to be stored: raises UnsafePath for a path through a link, UnstorableData
    for a link to a folder or to outside the workspace, and for what no workspace may have.
    """
    walker = _Walker(os.path.realpath(root), strict, but)
    top = os.path.join(walker.root, path)
    if strict and (link := paths.foreign_parent(walker.root, path)) is not None:
        raise errors.UnsafePath(
            f"{path} lies behind {link}, which is a link.", "Name the path without links."
        )
    try:
        of = os.lstat(top) if strict else os.stat(top)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(top, error) from error
    if strict and stat.S_ISLNK(of.st_mode):
        raise errors.UnstorableData(
            f"{path} is a link.", "Name what it leads to, or put a copy in its place."
        )
    if not stat.S_ISDIR(of.st_mode):
        _require_file(top, of)
        return Walked(path, False, [ScannedFile("", top, of, cache.get(top, of))], [])
    known = cache.below(top)
    files = list(walker.files(top, known))
    return Walked(path, True, files, known.untaken)


class _Walker:
    """One walk: `root` is the real folder of the workspace."""

    def __init__(self, root: str, strict: bool, but: Collection[str]) -> None:
        self.root = root
        self.strict = strict
        self.but = but

    def files(self, top: str, known: Known) -> Iterator[ScannedFile]:
        # A folder that was come to by links, with all that it lies in, is not entered again from within.
        folders = [(top, "", frozenset((os.path.realpath(top),)))]
        while folders:
            folder, prefix, above = folders.pop()
            for entry in self._entries(folder, is_top=not prefix):
                name = entry.name
                if is_temporary(name) or name in self.but:
                    continue
                if name.lower() in paths.OWN_FOLDERS:
                    self._pass_over(entry)
                    continue
                if entry.is_symlink():
                    within = self._linked_folder(entry, above)
                    if within is not None:
                        folders.append((entry.path, f"{prefix}{name}/", within))
                    elif (found := self._linked_file(entry, prefix, known)) is not None:
                        yield found
                elif entry.is_dir(follow_symlinks=False):
                    folders.append((entry.path, f"{prefix}{name}/", above))
                elif (of := self._stat(entry)) is not None:
                    _require_file(entry.path, of)
                    yield ScannedFile(prefix + name, entry.path, of, known.take(entry.path, of))

    def _entries(self, folder: str, *, is_top: bool) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except OSError as error:
            if isinstance(error, GONE) and not is_top:
                return []
            raise unreadable(folder, error) from error

    def _stat(self, entry: os.DirEntry[str]) -> os.stat_result | None:
        """Return the stat of what is no link, None if it is gone since its folder was listed."""
        try:
            return entry.stat(follow_symlinks=False)
        except GONE:
            return None
        except OSError as error:
            raise unreadable(entry.path, error) from error

    def _pass_over(self, entry: os.DirEntry[str]) -> None:
        if self.strict:
            raise errors.UnstorableData(
                f"{self._shown(entry)} is Git's or gitexp's own, and cannot be data.",
                "Remove it, or name only what is beside it.",
            )

    def _linked_folder(self, entry: os.DirEntry[str], above: frozenset[str]) -> frozenset[str] | None:
        """Return what is above a folder that is come to by a link; None if the link is not to a folder."""
        if not os.path.isdir(entry.path):
            return None
        if self.strict:
            raise errors.UnstorableData(
                f"{self._shown(entry)} is a link to a folder.",
                "Put a copy in its place, or add the folder that it leads to.",
            )
        real = os.path.realpath(entry.path)
        if real in above:
            raise errors.UnstorableData(f"{self._shown(entry)} is a link to a folder that it lies in.")
        return above | {real}

    def _linked_file(self, entry: os.DirEntry[str], prefix: str, known: Known) -> ScannedFile | None:
        """Return the file that a link leads to, None if the link is gone since its folder was listed."""
        try:
            of = entry.stat()
        except OSError as error:
            if not os.path.lexists(entry.path):
                return None
            raise errors.UnstorableData(
                f"{self._shown(entry)} is a link to nothing.", "Remove it, or put a file in its place."
            ) from error
        _require_file(entry.path, of)
        real = os.path.realpath(entry.path)
        if self.strict and not real.startswith(os.path.join(self.root, "")):
            raise errors.UnstorableData(
                f"{self._shown(entry)} is a link to outside the workspace.", "Put a copy in its place."
            )
        return ScannedFile(prefix + entry.name, entry.path, of, known.take(entry.path, of), link=True)

    def _shown(self, entry: os.DirEntry[str]) -> str:
        return os.path.relpath(entry.path, self.root)


def _require_file(full: str, of: os.stat_result) -> None:
    if not stat.S_ISREG(of.st_mode):
        kind = _KINDS.get(stat.S_IFMT(of.st_mode), "no file")
        raise errors.UnstorableData(f"{full} is {kind}.", "Only files and folders can be data: remove it.")


def unreadable(full: str, error: OSError) -> errors.UnstorableData:
    """Return the error for a file or folder that the system will not read."""
    return errors.UnstorableData(
        f"{full} cannot be read: {error.strerror}.", "Check its permissions, or leave it out."
    )
