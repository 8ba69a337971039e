"""Where data stands: in the workspace, in the object store, on a data remote."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.datasets.remotes import remote_of
from gitexp.model import Artifact
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project


@dataclass(frozen=True, slots=True)
class DataStatus:
    """Where one artifact is: how many of its objects this machine and the remote do not have.

    A file is one object, a folder one for each different file and one for the list of them.
    `missing_there` is None where there is no remote.
    """

    artifact: Artifact
    missing_here: int
    missing_there: int | None


def status(project: Project, wanted: Sequence[Artifact], *, remote: str | None = None) -> list[DataStatus]:
    """Return where each artifact is; the remote is not asked if there is none and none is named.

    Raises what `remote_of` raises, and DataRemoteError.
    """
    store = ObjectStore(project.local.objects)
    contents = {artifact.hash: _contents(store, artifact.hash) for artifact in wanted}
    there: Collection[str] | None = None
    if project.config.remotes or remote is not None:
        with remote_of(project, remote) as at:
            there = at.has_many({part for parts in contents.values() for part in parts})
    return [_standing(store, artifact, contents[artifact.hash], there) for artifact in wanted]


def _contents(store: ObjectStore, hash_: str) -> list[str]:
    try:
        return store.contents(hash_)
    except errors.DataError:
        return [hash_]


def _standing(
    store: ObjectStore, artifact: Artifact, parts: Sequence[str], there: Collection[str] | None
) -> DataStatus:
    here = len(store.missing(parts))
    if artifact.is_folder and len(parts) == 1 and here:  # only its list tells how many objects it has
        here += artifact.files or 0
    return DataStatus(artifact, here, None if there is None else sum(part not in there for part in parts))
