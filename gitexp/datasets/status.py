"""The objects of data that this machine or the data remote lacks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.datasets.dvc_objects import DvcObjects
from gitexp.datasets.remotes import remote_of
from gitexp.model import Artifact
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project


@dataclass(frozen=True, slots=True)
class MissingObjects:
    """The number of missing objects of one artifact.

    A file has one object. A folder has an object for each different file, and its manifest.

    Attributes:
        here: missing on this machine.
        on_remote: missing on the data remote; None without a remote.
    """

    artifact: Artifact
    here: int
    on_remote: int | None


def status(
    project: Project, wanted: Sequence[Artifact], *, remote: str | None = None
) -> list[MissingObjects]:
    """The missing objects of each artifact. The remote is `remote`, or the first of the config, if any.

    Raises the errors of `remote_of`, and DataRemoteError.
    """
    store = ObjectStore(project.local.objects)
    objects = [_objects(store, artifact.hash) for artifact in wanted]
    there: Collection[str] | None = None
    if project.config.remotes or remote is not None:
        with remote_of(project, remote) as at:
            there = at.has_many(set().union(*objects))
    dvc = DvcObjects(project)
    return [_missing(store, dvc, *each, there) for each in zip(wanted, objects, strict=True)]


def _objects(store: ObjectStore, hash_: str) -> list[str]:
    try:
        return store.contents(hash_)
    except errors.DataError:
        return [hash_]


def _missing(
    store: ObjectStore,
    dvc: DvcObjects,
    artifact: Artifact,
    objects: Sequence[str],
    there: Collection[str] | None,
) -> MissingObjects:
    here = sum(not dvc.has(hash_) for hash_ in store.missing(objects))
    if artifact.is_folder and len(objects) == 1 and here:  # without its manifest, the files are unknown
        here += artifact.files or 0
    if there is None:
        return MissingObjects(artifact, here, None)
    return MissingObjects(artifact, here, sum(hash_ not in there for hash_ in objects))
