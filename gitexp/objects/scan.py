"""Files and folders of a workspace by their content: one walk, then only unknown files are read."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.model import Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.objects import paths
from gitexp.objects.hashing import Read, in_parallel, read_file
from gitexp.objects.manifest import File, Manifest
from gitexp.objects.stat_cache import Known, StatCache
from gitexp.objects.workspace_files import is_temporary

LeftOut = dict[str, str]  # why a file of a folder cannot be stored, by its path in the folder

GONE = (FileNotFoundError, NotADirectoryError)  # raised for a file that was removed meanwhile

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Scanned(NamedTuple):
    """The artifact at a path. `manifest` is None for a file."""

    artifact: Artifact
    manifest: Manifest | None = None


class ScannedFile(NamedTuple):
    """A file found by a walk.

    Attributes:
        path: relative to the start of the walk; "" for the start itself.
        full: the absolute path.
        hash: None for a file still to be read.
        link: whether a link led to the file.
        target: the text of a link kept as a link; None for a file.
    """

    path: str
    full: str
    stat: os.stat_result
    hash: str | None
    link: bool = False
    target: bytes | None = None


class Walked(NamedTuple):
    """The result of a walk.

    Attributes:
        path: the start, relative to the root.
        is_folder: whether the start is a folder.
        files: all files, or the file at the start.
    """

    path: str
    is_folder: bool
    files: list[ScannedFile]

    def path_of(self, found: ScannedFile) -> str:
        """The path of a file of this walk, relative to the root."""
        return f"{self.path}/{found.path}" if self.is_folder else self.path

    def noted(
        self, cache: StatCache, reads: Iterable[tuple[ScannedFile, Read | None]]
    ) -> tuple[Walked, dict[str, Read]]:
        """Put files read since the walk into the cache. A missing file has None.

        Returns:
            The walk without missing files, and the other files by path, with hash and stat.
        """
        known, gone = dict[str, Read](), set[str]()
        for found, read in reads:
            if read is None:
                gone.add(found.path)
            else:
                cache.put(found.full, read)
                known[found.path] = read
        if not gone:
            return self, known
        left = [found for found in self.files if found.path not in gone]
        return self._replace(files=left), known


def scan(
    root: Path,
    path: str,
    cache: StatCache,
    *,
    but: Collection[str] = (),
    left_out: LeftOut | None = None,
    as_stored: bool = False,
) -> Scanned | None:
    """The artifact at a path relative to the root of the workspace, for a comparison; None if absent.

    Files and folders with a name in `but` do not count, nor do Git's and gitexp's own. Links may lead out of
    the workspace. Raises UnstorableData for a pipe, a broken link, an unreadable or ever changing file. With
    `left_out`, files in a folder are left out instead. `as_stored`: the folder in the store's form.
    """
    walked = walk(root, path, cache, strict=False, but=but, left_out=left_out, as_stored=as_stored)
    if walked is None:
        return None
    left, reads = read_unknown(walked, cache)
    return described(left, reads)


def read_unknown(walked: Walked, cache: StatCache) -> tuple[Walked, dict[str, Read]]:
    """Read the files of a walk without a known hash; return all files like `Walked.noted`.

    Raises UnstorableData.
    """
    unknown = [found for found in walked.files if found.hash is None]
    size = sum(found.stat.st_size for found in unknown)
    return walked.noted(cache, zip(unknown, in_parallel(read, unknown, size), strict=True))


def read_anew(files: Sequence[ScannedFile], cache: StatCache) -> list[ScannedFile | None]:
    """The files with their present hash, without the cache; None for missing files.

    For files about to be overwritten or removed: a write through mmap need not change a stat. Raises
    UnstorableData.
    """
    size = sum(found.stat.st_size for found in files)
    now: list[ScannedFile | None] = []
    for found, done in zip(files, in_parallel(read, files, size), strict=True):
        if done is None:
            now.append(None)
            continue
        if found.target is not None:  # a link is never written to, only replaced
            now.append(found)
            continue
        cache.put(found.full, done)
        now.append(found._replace(hash=done.hash, stat=done.stat))
    return now


def read(found: ScannedFile) -> Read | None:
    """Read a found file; None if gone. Raises UnstorableData."""
    if found.target is not None:
        return _read_link(found)
    try:
        return read_file(found.full)
    except GONE:
        return None
    except OSError as error:
        raise unreadable(found.full, error) from error


def _read_link(found: ScannedFile) -> Read | None:
    """The present link, like a file with its text; None for anything else in its place."""
    try:
        of, target = os.lstat(found.full), os.fsencode(os.readlink(found.full))
    except OSError:
        return None
    return Read(hashlib.sha256(target).hexdigest(), of, False)


def described(walked: Walked, reads: Mapping[str, Read]) -> Scanned | None:
    """The artifact of a walk, with the files read since then; None for a single missing file."""
    files = [_described(found, reads.get(found.path)) for found in walked.files]
    if not walked.is_folder:
        if not files:
            return None
        (file,) = files
        return Scanned(Artifact(walked.path, file.hash, file.size, executable=file.executable))
    manifest = Manifest.of(files)
    return Scanned(Artifact(walked.path, manifest.hash, manifest.size, len(files)), manifest)


def _described(found: ScannedFile, read: Read | None) -> File:
    of, hash_ = found.stat, found.hash
    if read is not None:
        of, hash_ = read.stat, read.hash
    assert hash_ is not None
    if found.target is not None:
        return File(found.path, hash_, len(found.target), link=True)
    return File(found.path, hash_, of.st_size, bool(of.st_mode & 0o100))


def walk(
    root: Path,
    path: str,
    cache: StatCache,
    *,
    strict: bool,
    but: Collection[str] = (),
    left_out: LeftOut | None = None,
    as_stored: bool = False,
) -> Walked | None:
    """The files at a path, with their known hashes; None for an empty place.

    `strict`: for data to be stored. A link within the same folder stays a link. With `left_out`, an
    unstorable file is left out and named in the list; `as_stored`: so are files refused only by `strict`.
    Raises UnsafePath for a path behind a link; UnstorableData for a link to a folder or out of the
    workspace, and for Git's and gitexp's own files.
    """
    walker = _Walker(os.path.realpath(root), strict or as_stored, but, left_out)
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
        return Walked(path, False, [ScannedFile("", top, of, cache.get(top, of))])
    known = cache.below(top)
    files = list(walker.files(top, known))
    if left_out is not None and walker.strict:
        files = _with_names_for_all(files, left_out)
    if not but:  # or files that were passed over would count as gone
        cache.forget(known.untaken)
    return Walked(path, True, files)


def _with_names_for_all(files: Sequence[ScannedFile], left_out: LeftOut) -> list[ScannedFile]:
    """The files with names that every system can have; the others are named in `left_out`."""
    for found in files:
        if why := paths.fault(found.path):
            left_out[found.path] = f"the name {why}"
    kept = [found for found in files if found.path not in left_out]
    while (both := paths.clash(found.path for found in kept)) is not None:
        first, second = both
        left_out[second] = f"it is {first} where case does not count"
        kept = [found for found in kept if not paths.lies_in(found.path, second)]
    return kept


class _Walker:
    """One walk. `root` is the workspace, without links in its path."""

    def __init__(self, root: str, strict: bool, but: Collection[str], left_out: LeftOut | None) -> None:
        self.root = root
        self.strict = strict
        self.but = but
        self.left_out = left_out
        self.top = root

    def files(self, top: str, known: Known) -> Iterator[ScannedFile]:
        # `above` prevents endless walks: the real folders in which a folder lies that was reached by links.
        self.top = top
        folders = [(top, "", frozenset((os.path.realpath(top),)))]
        while folders:
            folder, prefix, above = folders.pop()
            try:
                entries = self._entries(folder, is_top=not prefix)
            except errors.UnstorableData as error:
                if not prefix:
                    raise
                self._leave_out(prefix.rstrip("/"), error)
                continue
            for entry in entries:
                if is_temporary(entry.name) or entry.name in self.but:
                    continue
                try:
                    within = self._folder(entry, above)
                    found = None
                    if within is None:
                        found = self._found(entry, prefix, known)
                except errors.UnstorableData as error:
                    self._leave_out(prefix + entry.name, error)
                    continue
                if within is not None:
                    folders.append((entry.path, f"{prefix}{entry.name}/", within))
                elif found is not None:
                    yield found

    def _leave_out(self, path: str, error: errors.UnstorableData) -> None:
        """Note a file that cannot be stored; raises the error if nobody wants to know."""
        if self.left_out is None:
            raise error
        self.left_out[path] = error.message.rstrip(".")

    def _folder(self, entry: os.DirEntry[str], above: frozenset[str]) -> frozenset[str] | None:
        """The real folders above a folder to be walked through, and itself; None for anything else."""
        if entry.name.lower() in paths.OWN_FOLDERS:
            self._pass_over(entry)
            return None
        if entry.is_symlink():
            return None if self._kept_link(entry) else self._linked_folder(entry, above)
        return above if entry.is_dir(follow_symlinks=False) else None

    def _found(self, entry: os.DirEntry[str], prefix: str, known: Known) -> ScannedFile | None:
        """The file, or the link kept as a link; None if missing or ignored."""
        if entry.name.lower() in paths.OWN_FOLDERS:
            return None
        if entry.is_symlink():
            if (target := self._kept_link(entry)) is None:
                return self._linked_file(entry, prefix, known)
            of = self._stat(entry)
            if of is None:
                return None
            hash_ = hashlib.sha256(target).hexdigest()
            return ScannedFile(prefix + entry.name, entry.path, of, hash_, target=target)
        of = self._stat(entry)
        if of is None:
            return None
        _require_file(entry.path, of)
        if self.left_out is not None and not os.access(entry.path, os.R_OK):
            raise errors.UnstorableData(f"{entry.path} cannot be read.")
        return ScannedFile(prefix + entry.name, entry.path, of, known.take(entry.path, of))

    def _kept_link(self, entry: os.DirEntry[str]) -> bytes | None:
        """The text of a link to something in the walked folder, relative; None for any other link."""
        try:
            target = os.readlink(entry.path)
        except OSError:
            return None
        if os.name == "nt":
            return None
        beside = os.path.dirname(entry.path)
        if os.path.isabs(target):  # a copy of the folder would lead into the original
            target = os.path.relpath(target, beside)
        top, real = os.path.join(self.top, ""), os.path.join(os.path.realpath(self.top), "")
        path = os.path.normpath(os.path.join(beside, target))
        if not path.startswith(top) or not os.path.realpath(path).startswith(real):
            return None
        return os.fsencode(target)

    def _entries(self, folder: str, *, is_top: bool) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except OSError as error:
            if isinstance(error, GONE) and not is_top:
                return []
            raise unreadable(folder, error) from error

    def _stat(self, entry: os.DirEntry[str]) -> os.stat_result | None:
        """The stat of an entry, no link; None if gone since the listing of its folder."""
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
        """The real folders above a folder reached by a link, and itself; None for a link to a file."""
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
        """The file behind a link; None if the link is gone since the listing of its folder."""
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
    """The error for a file or folder that the system does not let us read."""
    return errors.UnstorableData(
        f"{full} cannot be read: {error.strerror}.", "Check its permissions, or leave it out."
    )
