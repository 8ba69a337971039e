"""What there is to do for one artifact in a workspace, and what would be lost by it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from gitexp import errors
from gitexp.model import Artifact
from gitexp.objects import paths
from gitexp.objects.hashing import in_parallel
from gitexp.objects.manifest import File
from gitexp.objects.scan import ScannedFile, read, walk
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore

_SHOWN = 3

Known = Callable[[str], bool]  # whether there is another store that has what this hash is of


class Here(NamedTuple):
    """A file that is in the workspace now."""

    found: ScannedFile
    hash: str
    stat: os.stat_result


@dataclass(frozen=True, slots=True)
class Placement:
    """What is to be done for one artifact, by path relative to the root: what is to be written, what is to
    go, and what is there of both. `unsaved` are those of them that would be lost. `linked` says that files
    which are links to the right content stay so."""

    artifact: Artifact
    write: Mapping[str, File] = field(default_factory=dict)
    remove: Sequence[str] = ()
    here: Mapping[str, Here] = field(default_factory=dict)
    unsaved: Sequence[str] = ()
    linked: bool = False

    @property
    def size(self) -> int:
        """The bytes that are to be written."""
        return sum(file.size for file in self.write.values())

    def absent(self, store: ObjectStore) -> list[str]:
        """Return the files whose content is not in the store."""
        gone = set(self.missing(store))
        return [path for path, file in self.write.items() if file.hash in gone]

    def missing(self, store: ObjectStore) -> list[str]:
        """Return the hashes that are not in the store."""
        return store.missing(file.hash for file in self.write.values())


def nowhere(hash_: str) -> bool:
    """Return that there is no other store."""
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
    """Return what there is to do for an artifact; what is `known` to be in another store is not unsaved.

    With `links_stay` there is nothing to do where all content is there, be it by links: these must not lead
    to what is about to change. Raises MissingData if the list of a folder's files is not in the store,
    UnsafePath, BadManifest, DamagedObject, and UnsavedChanges for what is neither file nor folder and in the
    way.
    """
    if why := paths.fault(artifact.path):
        raise errors.UnsafePath(f"The path {artifact.path!a} {why}.", "Nothing is written there.")
    wanted = _wanted(store, artifact)
    there = _here(root, artifact.path, cache)
    differ = {path: file for path, file in wanted.items() if not _is_same(there.get(path), file)}
    remove = [path for path in there if path not in wanted]
    links = {path: wanted[path] for path in wanted if path not in differ and there[path].found.link}
    if links_stay and not differ and not remove:
        return Placement(artifact, linked=bool(links))
    write = {**differ, **links}
    here = {path: there[path] for path in (*write, *remove) if path in there}
    return Placement(artifact, write, remove, here, _unsaved(store, here, known))


def _unsaved(store: ObjectStore, here: Mapping[str, Here], known: Known) -> list[str]:
    """Return the files whose content is in no store. An object has to be whole to count: it will be the
    only copy."""
    hashes = list(dict.fromkeys(each.hash for each in here.values() if not known(each.hash)))
    whole = in_parallel(store.verify, hashes, sum(each.stat.st_size for each in here.values()))
    lost = {hash_ for hash_, is_whole in zip(hashes, whole, strict=True) if not is_whole}
    return [path for path, each in here.items() if each.hash in lost]


def unsaved(lost: Sequence[str], way_out: str = "Store it first") -> errors.UnsavedChanges:
    """Return the error for files that would be lost; `way_out` is what saves them."""
    return errors.UnsavedChanges(
        f"{_shown(lost)} would be lost: the content is stored nowhere.",
        f"{way_out}, or overwrite it with --force, which puts it into the store before.",
        paths=lost,
    )


def missing(absent: Sequence[str]) -> errors.MissingData:
    """Return the error for files whose content is in no store."""
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
    """Return the files that are there now; raises UnsavedChanges for what is neither file nor folder."""
    try:
        walked = walk(root, path, cache, strict=True)
    except errors.UnstorableData as error:
        raise errors.UnsavedChanges(
            f"{path} would be overwritten: {error.message}", "Move it away, then try again.", paths=[path]
        ) from error
    if walked is None:
        return {}
    unknown = [found for found in walked.files if found.hash is None]
    size = sum(found.stat.st_size for found in unknown)
    now = in_parallel(read, unknown, size)
    left, reads = walked.noted(cache, zip(unknown, now, strict=True))
    here = {}
    for found in left.files:
        now_ = reads.get(found.path)
        hash_ = found.hash if now_ is None else now_.hash
        assert hash_ is not None
        name = f"{path}/{found.path}" if walked.is_folder else path
        here[name] = Here(found, hash_, found.stat if now_ is None else now_.stat)
    return here


def _is_same(here: Here | None, file: File) -> bool:
    if here is None or here.hash != file.hash:
        return False
    return os.name == "nt" or bool(here.stat.st_mode & 0o100) == file.executable


def _shown(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
