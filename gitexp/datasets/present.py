"""Data at the start of a run. Data changed since `gitexp add` is stored, so that the run can be repeated."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.datasets import lock_file
from gitexp.datasets.workspace import DataState, workspace_data
from gitexp.model import Artifact, paths_of
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import is_any_in
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import write_lock
from gitexp.project.project import Project
from gitexp.repo.git import indexes
from gitexp.words import shorten


class PresentData(NamedTuple):
    """The data of a workspace compared with gitexp.lock.

    Attributes:
        changed: the present artifacts of changed data, now in the store.
        absent: paths of missing data.
        lock: a lock with the changed artifacts, in text; b"" if nothing has changed.
        warnings: sentences about changed data, and about data never added.
    """

    changed: tuple[Artifact, ...] = ()
    absent: Sequence[str] = ()
    lock: bytes = b""
    warnings: Sequence[str] = ()


def store(project: Project) -> PresentData:
    """Store the changed data of the workspace. The lock on disk stays.

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
    new = [path for path in new if not is_any_in(tracked, path)]
    warnings = list[str]()
    text = b""
    if changed:
        text = write_lock(lock.with_data(changed), config.folder)
        paths = shorten(paths_of(changed))
        warnings.append(f"changed since gitexp add, and stored as it is now: {paths}")
    if new:
        warnings.append(f"data that was never added, and is not stored: gitexp add: {shorten(new)}")
    return PresentData(tuple(changed), absent, text, warnings)
