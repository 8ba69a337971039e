"""Missing objects brought from DVC: its caches here, its remotes in folders, and its servers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gitexp import errors
from gitexp.datasets.dvc_named import named_in_workspace
from gitexp.datasets.dvc_objects import DvcObjects
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project

_learned = set[str]()  # projects whose DVC files this process has read for their content


class Supplied(NamedTuple):
    """The copied objects of DVC's: their number, and their size in bytes."""

    objects: int = 0
    bytes: int = 0


def supply(project: Project, hashes: Iterable[str]) -> Supplied:
    """Copy missing objects of artifacts into the store, as far as DVC has them.

    A clone does not know yet what DVC's content is called here: then all content that the workspace's
    `dvc.lock` and `.dvc` files name is read, once. Raises DiskFull or StorageError.
    """
    objects = DvcObjects(project, keeps=True)
    if not objects.is_used:
        return Supplied()
    wanted, store = list(hashes), ObjectStore(project.local.objects)
    done = Supplied(*objects.supply(wanted))
    place = str(project.folder)
    if place not in _learned and _is_missing(store, wanted):
        _learned.add(place)
        objects.artifacts(named_in_workspace(project))
        more = objects.supply(wanted)
        done = Supplied(done.objects + more[0], done.bytes + more[1])
    return done


def _is_missing(store: ObjectStore, hashes: Iterable[str]) -> bool:
    try:
        return any(store.missing(store.contents(hash_)) for hash_ in hashes)
    except errors.DataError:
        return True
