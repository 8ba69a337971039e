"""Missing objects brought from DVC: its caches here, its remotes in folders, and its servers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gitexp import errors
from gitexp.datasets import lock_file
from gitexp.datasets.dvc_named import named_in_workspace
from gitexp.datasets.dvc_objects import DvcObjects
from gitexp.files.dvc_lock import DvcEntry
from gitexp.named_tuple import NamedTuple
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project

_learned = set[str]()  # projects whose DVC files this process has read for their content
_asked = set[str]()  # the MD5s that this process has asked servers for


class Supplied(NamedTuple):
    """The copied objects of DVC's: their number, and their size in bytes."""

    objects: int = 0
    bytes: int = 0


def supply(project: Project, hashes: Iterable[str]) -> Supplied:
    """Copy missing objects of artifacts into the store, as far as DVC has them.

    A clone does not know yet what DVC's content is called here: then all content that the workspace's
    `dvc.lock` and `.dvc` files name is read, once; and what is still missing is asked of DVC's servers, by
    the MD5 at the same path. Raises DiskFull or StorageError.
    """
    objects = DvcObjects(project, keeps=True)
    if not objects.is_used:
        return Supplied()
    wanted, store = list(hashes), ObjectStore(project.local.objects)
    done = Supplied(*objects.supply(wanted))
    if not _missing(store, wanted):
        return done
    named, place = named_in_workspace(project), str(project.folder)
    if place not in _learned:
        _learned.add(place)
        objects.artifacts(named)
        more = objects.supply(wanted)
        done = Supplied(done.objects + more[0], done.bytes + more[1])
    _ask_servers(project, store, wanted, named)
    return done


def _ask_servers(
    project: Project, store: ObjectStore, wanted: Sequence[str], named: Sequence[DvcEntry]
) -> None:
    """Download missing artifacts of the workspace's gitexp.lock from DVC's servers."""
    missing = set(_missing(store, wanted))
    if not missing:
        return
    try:
        lock = lock_file.read(project.repo.root, project.config)
    except errors.LockError:
        return
    missing_paths = {artifact.path for artifact in lock.artifacts if artifact.hash in missing}
    entries = [entry for entry in named if entry.path in missing_paths and entry.md5 not in _asked]
    if entries:
        _asked.update(entry.md5 for entry in entries)
        asking = DvcObjects(project, keeps=True, ask_servers=True)
        asking.artifacts(entries)


def _missing(store: ObjectStore, hashes: Iterable[str]) -> list[str]:
    """The artifacts that the store lacks, or lacks a file of."""
    found = []
    for hash_ in hashes:
        try:
            lacking = bool(store.missing(store.contents(hash_)))
        except errors.DataError:
            lacking = True
        if lacking:
            found.append(hash_)
    return found
