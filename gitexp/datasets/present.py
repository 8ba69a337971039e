"""Data at the start of a run. Data changed since `gitexp add` is stored, so that the run can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.datasets import lock_file
from gitexp.datasets.workspace import DataState, workspace_data
from gitexp.model import Artifact
from gitexp.objects.paths import lies_in
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import write_lock
from gitexp.project.project import Project
from gitexp.repo.git import indexes
from gitexp.words import shorten


@dataclass(frozen=True, slots=True)
class PresentData:
    """The data of a workspace that is not as in gitexp.lock.

    Attributes:
        changed: the present artifacts of changed data. They are in the store.
        absent: paths of data that is not here.
        lock: a lock with the changed artifacts, as text; b"" if nothing has changed.
        warnings: sentences about changed data, and data that was never added.
    """

    changed: tuple[Artifact, ...] = ()
    absent: Sequence[str] = ()
    lock: bytes = b""
    warnings: Sequence[str] = ()


def store(project: Project) -> PresentData:
    """Store the data that has changed in the workspace. The lock on disk stays as it is.

    Raises LockError, UnstorableData, UnsafePath, BadManifest, StorageError or DiskFull.
    """
    root, config = project.repo.root, project.config
    lock = lock_file.read(root, config)
    changed, absent, new = list[Artifact](), list[str](), list[str]()
    with workspace_data(project) as data:
        for path in config.data:
            match data.state(path, lock.data.get(path)):
                case DataState.CHANGED:
                    changed.append(ObjectStore(project.local.objects).add(root, path, data.cache))
                case DataState.MISSING:
                    absent.append(path)
                case DataState.NOT_ADDED if data.artifact(path) is not None:
                    new.append(path)
    tracked = indexes.files(project.repo, project.repo.index, new)
    new = [path for path in new if not any(lies_in(file, path) for file in tracked)]
    warnings = list[str]()
    if changed:
        paths = shorten([artifact.path for artifact in changed])
        warnings.append(f"changed since gitexp add, and stored as it is now: {paths}")
    if new:
        warnings.append(f"data that was never added, and is not stored: gitexp add: {shorten(new)}")
    text = write_lock(lock.with_data(changed), config.folder) if changed else b""
    return PresentData(tuple(changed), absent, text, warnings)
