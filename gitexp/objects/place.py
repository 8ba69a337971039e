"""Artifacts brought from the store into a workspace.

First all files are made ready and verified, then they are renamed into their places. So a damaged object
changes nothing, and a kill in the middle leaves each file old or new. Files that would be lost are looked for
before.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from itertools import takewhile
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.folders import clear_away, make_folder
from gitexp.model import Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.objects import disk as ways
from gitexp.objects.disk import translated
from gitexp.objects.hashing import (
    Read,
    hash_file,
    hash_open,
    in_parallel,
    is_settled,
    large_first,
    same_file,
    wait_to_settle,
)
from gitexp.objects.intake import OURS, FileNames, stale, temporary_folder
from gitexp.objects.manifest import File
from gitexp.objects.plan import Here, Known, Placement, missing, nowhere, plan, unsaved
from gitexp.objects.progress import Count
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore, damaged
from gitexp.objects.workspace_files import WorkspaceFiles, beside, is_temporary, remove_empty

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_Way = Callable[[int, File, str], os.stat_result | None]  # from the object's descriptor to a new file
_LONGEST_LINK = 4096  # bytes
_TO_REMEMBER = 1 << 20  # bytes; less is read again sooner than the stat is settled


class Placed(NamedTuple):
    """The files written and removed by placing one artifact.

    Attributes:
        written, removed: paths relative to the root.
        kept: the former content, stored because it would have been lost; else None.
    """

    written: Sequence[str] = ()
    removed: Sequence[str] = ()
    kept: Artifact | None = None

    def __bool__(self) -> bool:
        return bool(self.written or self.removed)


class _ReadyFile(NamedTuple):
    """A finished file, to be moved from `temporary` to `path`. `stat` is from when it was made."""

    path: str
    temporary: str
    hash: str
    stat: os.stat_result


def place(
    store: ObjectStore,
    root: Path,
    artifact: Artifact,
    links: Sequence[str],
    cache: StatCache,
    *,
    known: Known = nowhere,
    force: bool = False,
) -> Placed:
    """Place an artifact in the workspace at `root`, by the first of `links` that works, else by copying.

    A file is replaced only if the store, or another one by `known`, has its content; with `force`, other
    files are stored before. Raises UnsavedChanges, MissingData, DamagedObject, UnsafePath or BadManifest
    with nothing changed; DiskFull or StorageError.
    """
    todo = plan(store, root, artifact, cache, known)
    if todo.unsaved and not force:
        raise unsaved(todo.unsaved)
    if absent := todo.absent(store):
        raise missing(absent)
    return carry_out(store, root, todo, links, cache)


def carry_out(
    store: ObjectStore,
    root: Path,
    todo: Placement,
    links: Sequence[str],
    cache: StatCache,
    *,
    count: Count | None = None,
    undisturbed: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Placed:
    """Carry out a plan. Unsaved files are stored before. Raises as `place`.

    Files are moved within the context that `undisturbed` gives.
    """
    artifact = todo.artifact
    kept = _kept(store, root, todo, cache) if todo.unsaved else None
    ready: list[_ReadyFile] = []
    with translated(f"could not write {artifact.path}"):
        if todo.write or todo.remove:
            with _staging(store, root, artifact.path) as folder:
                ready = list(_make_ready(store, folder, todo.write, links, count or Count(None, 0, 0)))
                failpoint("place:ready")
                with undisturbed():
                    _change_files(root, todo, ready)
        if artifact.files == 0:
            make_folder(os.path.join(root, artifact.path))
    _remember(root, ready, cache)
    return Placed(list(todo.write), todo.remove, kept)


def _kept(store: ObjectStore, root: Path, todo: Placement, cache: StatCache) -> Artifact:
    """Store the present files and return them as an artifact. Damaged objects are stored anew."""
    for path in todo.unsaved:
        store.remove(todo.here[path].hash)
    return store.add(root, todo.artifact.path, cache)


# -- made ready ---------------------------------------------------------------------------------------


@contextmanager
def _staging(store: ObjectStore, root: Path, path: str) -> Iterator[str]:
    """Give a folder on the disk of the artifact's place: in the store if it is on this disk, else nearby."""
    parent = next(root / folder for folder in PurePosixPath(path).parents if os.path.isdir(root / folder))
    place = temporary_folder(store.folder)
    if os.stat(place).st_dev == os.stat(parent).st_dev:
        folder = tempfile.mkdtemp(prefix=OURS, dir=place)
    else:
        for old in stale(parent):
            if is_temporary(old.name):
                clear_away(old)
        folder = beside(parent / "folder")
        os.mkdir(folder, 0o700)
    try:
        yield folder
    finally:
        clear_away(folder)


def _make_ready(
    store: ObjectStore, folder: str, write: Mapping[str, File], links: Sequence[str], count: Count
) -> Iterator[_ReadyFile]:
    names = FileNames(folder)
    maker = _Maker(store, links, count)

    def make(item: tuple[str, File]) -> _ReadyFile:
        path, file = item
        temporary = names.new()
        of = maker.make(file, temporary)
        count.done()
        return _ReadyFile(path, temporary, file.hash, of)

    items = large_first(write.items(), lambda item: item[1].size)
    return in_parallel(make, items, sum(file.size for file in write.values()))


class _Maker:
    """Makes files from objects, by the first of `links` that works, else by copying."""

    def __init__(self, store: ObjectStore, links: Sequence[str], count: Count) -> None:
        self._store = store
        known: dict[str, _Way] = {"reflink": self._reflink, "hardlink": self._hardlink}
        self._linked = [known[link] for link in takewhile(lambda link: link != "copy", links)]
        self._on_bytes = count.add

    def make(self, file: File, temporary: str) -> os.stat_result:
        """Make a file from an object and return its stat. Raises DamagedObject."""
        if file.link:
            return self._link(file, temporary)
        with self._store.opened(file.hash) as source:
            for linked in tuple(self._linked):
                if (of := linked(source, file, temporary)) is not None:
                    return of
            with _made(temporary, file) as target:
                # Of the two files, the one in the workspace will be read next.
                _require(file, hash_open(source, target, self._on_bytes, stays="copy"))
                return os.fstat(target)

    def _link(self, file: File, temporary: str) -> os.stat_result:
        """Make a link from its text. Raises UnsafePath for one that a folder cannot have."""
        target = self._store.read(file.hash, _LONGEST_LINK)
        _require(file, hashlib.sha256(target).hexdigest())
        inside = os.path.normpath(os.path.join(os.path.dirname(file.path), os.fsdecode(target)))
        if os.path.isabs(inside) or inside.split(os.sep)[0] == ".." or b"\0" in target:
            raise errors.UnsafePath(
                f"The link {file.path!a} leads out of its folder.", "Nothing is written there."
            )
        os.symlink(os.fsdecode(target), temporary)
        return os.lstat(temporary)

    def _hardlink(self, source: int, file: File, temporary: str) -> os.stat_result | None:
        if file.executable:
            return None
        with self._store.fan(file.hash) as fan:
            if not ways.hardlink(self._store.name(file.hash), fan, temporary):
                return None
        if ways.is_writable(temporary):  # and so the object would be; it is the same for the next file
            os.unlink(temporary)
            self._give_up(self._hardlink)
            return None
        _require(file, hash_file(temporary, self._on_bytes)[0])
        return os.lstat(temporary)

    def _reflink(self, source: int, file: File, temporary: str) -> os.stat_result | None:
        with _made(temporary, file) as target:
            if ways.reflink(source, target):
                _require(file, hash_file(temporary, self._on_bytes)[0])
                return os.fstat(target)
        os.unlink(temporary)
        self._give_up(self._reflink)  # it will not work for the next file either
        return None

    def _give_up(self, way: _Way) -> None:
        with suppress(ValueError):  # another thread was quicker
            self._linked.remove(way)


@contextmanager
def _made(temporary: str, file: File) -> Iterator[int]:
    """Make a file with the mode of files in the workspace, and give its descriptor."""
    target = os.open(temporary, _NEW, 0o777 if file.executable else 0o666)
    try:
        yield target
    finally:
        os.close(target)


def _require(file: File, hash_: str) -> None:
    if hash_ != file.hash:
        raise damaged(file.hash)


# -- moved into place ---------------------------------------------------------------------------------


def _change_files(root: Path, todo: Placement, ready: Sequence[_ReadyFile]) -> None:
    artifact = todo.artifact
    files = WorkspaceFiles(root)
    for path in todo.remove:
        _require_untouched(root, path, todo)
        files.remove(path, top=artifact.path)
        failpoint("place:removed")
    if not artifact.is_folder:
        remove_empty(os.path.join(root, artifact.path))
    for each in ready:
        _require_untouched(root, each.path, todo)
        files.put(each.temporary, each.path)
        failpoint("place:written")


def _require_untouched(root: Path, path: str, todo: Placement) -> None:
    """Raise UnsavedChanges if a file was changed since the plan was made."""
    before = todo.here.get(path)
    full = os.path.join(root, path)
    try:
        now = os.stat(full)
        if before is not None and before.found.target is not None:
            now = os.lstat(full)
    except OSError:
        return
    if not os.path.isdir(full) and (before is None or not _is_untouched(full, before, now)):
        raise errors.UnsavedChanges(
            f"{path} was changed by somebody else just now.", "Look at it, then try again.", paths=[path]
        )


def _is_untouched(full: str, before: Here, now: os.stat_result) -> bool:
    if same_file(before.stat, now):
        return True
    # To replace one hard link changes the other ones' time of change: then the content tells.
    if now.st_ino != before.stat.st_ino or now.st_mtime_ns != before.stat.st_mtime_ns:
        return False
    return before.stat.st_nlink > 1 and hash_file(full)[0] == before.hash


def _remember(root: Path, ready: Sequence[_ReadyFile], cache: StatCache) -> None:
    """Put the files into the cache, if nobody has changed them since they were made."""
    real = os.path.realpath(root)
    if ready and sum(each.stat.st_size for each in ready) >= _TO_REMEMBER:
        with suppress(OSError):
            wait_to_settle(os.stat(os.path.join(real, ready[-1].path)))
    for each in ready:
        full = os.path.join(real, each.path)
        with suppress(OSError):
            now = os.stat(full)
            made = each.stat  # without ctime, which is when the file was moved here
            if (now.st_ino, now.st_size, now.st_mtime_ns) == (made.st_ino, made.st_size, made.st_mtime_ns):
                cache.put(full, Read(each.hash, now, is_settled(now)))
