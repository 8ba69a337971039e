"""Data as it is when a run starts: what has changed since `gitexp add` is stored, and the run is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.datasets import lock_file
from gitexp.datasets.workspace import WorkspaceData
from gitexp.model import Artifact
from gitexp.objects.paths import lies_in
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import write_lock
from gitexp.project.project import Project
from gitexp.repo.git import indexes
from gitexp.words import shorten


def store(project: Project) -> PresentData:
    """Store what has changed of a workspace's data; the lock on disk stays as it is.

    Raises LockError, UnstorableData, UnsafePath, BadManifest, StorageError or DiskFull.
    """
    root, config = project.repo.root, project.config
    lock = lock_file.read(root, config)
    changed, absent, new = list[Artifact](), list[str](), list[str]()
    unknown = [path for path in config.data if path not in lock.data]
    tracked = indexes.files(project.repo, project.repo.index, unknown)
    with StatCache(project.local.stat_cache) as cache:
        standing = WorkspaceData(root, cache, lambda name: None, project.repo.has_modes)
        for path in config.data:
            now, locked = standing.artifact(path), lock.data.get(path)
            if locked is None:
                if now is not None and not any(lies_in(file, path) for file in tracked):
                    new.append(path)
            elif now is None:
                absent.append(path)
            elif standing.differs(now, locked):
                changed.append(ObjectStore(project.local.objects).add(root, path, cache))
    said = {
        "changed since gitexp add, and stored as it is now": [each.path for each in changed],
        "data that was never added, and is not stored: gitexp add": new,
    }
    warnings = [f"{what}: {shorten(paths)}" for what, paths in said.items() if paths]
    text = write_lock(lock.with_data(changed), config.folder) if changed else b""
    return PresentData(tuple(changed), absent, text, warnings)


@dataclass(frozen=True, slots=True)
class PresentData:
    """Data that is not as gitexp.lock says, and in the store now; `lock` is the text that is right of it.

    `warnings` say so, and name what is listed and has never been added; `absent` is what is not here.
    """

    changed: tuple[Artifact, ...] = ()
    absent: Sequence[str] = ()
    lock: bytes = b""
    warnings: Sequence[str] = ()
