"""The plan for placing one artifact in a workspace, and the files that would be lost by it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.model import Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.objects import paths
from gitexp.objects.hashing import in_parallel
from gitexp.objects.manifest import File
from gitexp.objects.scan import ScannedFile, read_anew, read_unknown, walk
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore

_SHOWN = 3

Known = Callable[[str], bool]  # whether another store, such as Git, has the content of a hash


class Here(NamedTuple):
    """A file in the workspace, with its hash and the stat it had then."""

    found: ScannedFile
    hash: str
    stat: os.stat_result


class Placement(NamedTuple):
    """The changes that bring one artifact into a workspace. All paths are relative to the root.

    Attributes:
        artifact: the artifact to be placed.
        write: files to write, by path.
        remove: files to remove.
        here: the present files at the paths of `write` and `remove`.
        unsaved: paths of `here` with content stored nowhere.
        linked: whether links to the right content stay.
    """

    artifact: Artifact
    write: Mapping[str, File] = {}
    remove: Sequence[str] = ()
    here: Mapping[str, Here] = {}
    unsaved: Sequence[str] = ()
    linked: bool = False

    @property
    def size(self) -> int:
        """The bytes to write."""
        return sum(file.size for file in self.write.values())

    def absent(self, store: ObjectStore) -> list[str]:
        """The files to write whose content is not in the store."""
        gone = set(self.missing(store))
        return [path for path, file in self.write.items() if file.hash in gone]

    def missing(self, store: ObjectStore) -> list[str]:
        """The hashes of files to write that are not in the store."""
        return store.missing(file.hash for file in self.write.values())


def nowhere(hash_: str) -> bool:
    """The `Known` of a caller that has no other store."""
    return False


def plan(
    store: ObjectStore,
    root: Path,
    artifact: Artifact,
    cache: StatCache,
    known: Known = nowhere,
    *,
    links_stay: bool = False,
) -> Placement:
    """The plan for an artifact. Content `known` to another store does not count as unsaved.

    With `links_stay`, links to the right content count as right: they must not lead to files about to
    change. Raises MissingData without the manifest of a folder; UnsafePath, BadManifest, DamagedObject;
    UnsavedChanges if anything but files and folders is in the way.
    """
    if why := paths.fault(artifact.path):
        raise errors.UnsafePath(f"The path {artifact.path!a} {why}.", "Nothing is written there.")
    wanted = _wanted(store, artifact)
    there = _here(root, artifact.path, cache)
    differ, links = dict[str, File](), dict[str, File]()
    for path, file in wanted.items():
        if not _is_same(there.get(path), file):
            differ[path] = file
        elif there[path].found.link:
            links[path] = file
    remove = [path for path in there if path not in wanted]
    if links_stay and not differ and not remove:
        return Placement(artifact, linked=bool(links))
    write = differ | links
    here = _read_anew({path: there[path] for path in (*write, *remove) if path in there}, cache)
    return Placement(artifact, write, remove, here, _unsaved(store, here, known))


def _unsaved(store: ObjectStore, here: Mapping[str, Here], known: Known) -> list[str]:
    """The files with content in no store. A damaged object does not count: the file is the only good copy."""
    hashes = dict.fromkeys(each.hash for each in here.values())
    unknown = [hash_ for hash_ in hashes if not known(hash_)]
    whole = in_parallel(store.verify, unknown, sum(each.stat.st_size for each in here.values()))
    saved = dict(zip(unknown, whole, strict=True))
    return [path for path, each in here.items() if not saved.get(each.hash, True)]


def unsaved(lost: Sequence[str], way_out: str = "Store it first") -> errors.UnsavedChanges:
    """The error for files that would be lost. `way_out` tells how to save them."""
    return errors.UnsavedChanges(
        f"{_shown(lost)} would be lost: the content is stored nowhere.",
        f"{way_out}, or overwrite it with --force, which puts it into the store before.",
        paths=lost,
    )


def missing(absent: Sequence[str]) -> errors.MissingData:
    """The error for files whose content is in no store."""
    return errors.MissingData(
        f"The content of {_shown(absent)} is not in the store.",
        "gitexp data pull fetches it from a remote; or run what makes it.",
        paths=absent,
    )


def _wanted(store: ObjectStore, artifact: Artifact) -> dict[str, File]:
    if not artifact.is_folder:
        return {artifact.path: File("", artifact.hash, artifact.size, artifact.executable)}
    try:
        files = store.manifest(artifact.hash).files
    except errors.MissingData as error:
        raise missing([artifact.path]) from error
    return {f"{artifact.path}/{file.path}": file for file in files}


def _here(root: Path, path: str, cache: StatCache) -> dict[str, Here]:
    """The files now at a path. Raises UnsavedChanges for anything but files and folders."""
    try:
        walked = walk(root, path, cache, strict=True)
    except errors.UnstorableData as error:
        raise errors.UnsavedChanges(
            f"{path} would be overwritten: {error.message}", "Move it away, then try again.", paths=[path]
        ) from error
    if walked is None:
        return {}
    left, reads = read_unknown(walked, cache)
    here = {}
    for found in left.files:
        hash_, of = found.hash, found.stat
        if (read := reads.get(found.path)) is not None:
            hash_, of = read.hash, read.stat
        assert hash_ is not None
        here[walked.path_of(found)] = Here(found, hash_, of)
    return here


def _read_anew(here: Mapping[str, Here], cache: StatCache) -> dict[str, Here]:
    """The files that are about to be overwritten or removed, each read now."""
    files = read_anew([each.found for each in here.values()], cache)
    now = {}
    for path, found in zip(here, files, strict=True):
        if found is not None:
            assert found.hash is not None
            now[path] = Here(found, found.hash, found.stat)
    return now


def _is_same(here: Here | None, file: File) -> bool:
    if here is None or here.hash != file.hash or (here.found.target is not None) != file.link:
        return False
    return file.link or os.name == "nt" or bool(here.stat.st_mode & 0o100) == file.executable


def _shown(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    if len(names) > _SHOWN:
        shown += f" and {len(names) - _SHOWN} more"
    return shown
