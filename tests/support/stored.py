"""Contents put into the object store, and gitexp.lock files that refer to them, by gitexp's own code."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gitexp.datasets import lock_file
from gitexp.model import Artifact
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import LOCK_FILE, Lock, write_lock
from gitexp.project.project import Project
from tests.support.workspace import Workspace

LONG_AGO = 1_600_000_000.0


def store_of(repo: Workspace) -> ObjectStore:
    """The store of a workspace's repository."""
    return ObjectStore(Project.open(repo.path).local.objects)


def locked(repo: Workspace) -> dict[str, Artifact]:
    """The data that a workspace's gitexp.lock lists, by path."""
    project = Project.open(repo.path)
    return dict(lock_file.read(project.repo.root, project.config).data)


def put_object(repo: Workspace, path: str, files: dict[str, str] | str, *, old: bool = True) -> Artifact:
    """Stores a file, or a folder with these files, which then stands in the workspace, ignored by Git.

    With `old` it has been in the store for years.
    """
    with (repo.path / ".git" / "info" / "exclude").open("a") as exclude:
        exclude.write(f"/{path}\n")
    for name, content in ({"": files} if isinstance(files, str) else files).items():
        file = repo.path / path / name if name else repo.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    store = store_of(repo)
    with StatCache(Project.open(repo.path).local.stat_cache) as cache:
        artifact = store.add(repo.path, path, cache)
    if old:
        for hash_ in store.contents(artifact.hash):
            age(store.path(hash_))
    repo.guard.retake()
    return artifact


def age(path: Path) -> None:
    os.utime(path, (LONG_AGO, LONG_AGO))


def lock_of(*artifacts: Artifact, folder: str = "") -> str:
    """The text of a gitexp.lock, in a folder, that refers to data."""
    return write_lock(Lock(data={artifact.path: artifact for artifact in artifacts}), folder).decode()


def write_lock_of(repo: Workspace, *artifacts: Artifact, folder: str = "") -> None:
    """Has a gitexp.lock in the workspace that refers to data."""
    repo.write(f"{folder}/{LOCK_FILE}" if folder else LOCK_FILE, lock_of(*artifacts, folder=folder))


def overwrite(file: Path, content: bytes) -> None:
    """Change the content of a stored object, which is read-only."""
    file.chmod(0o600)
    file.write_bytes(content)


def forget_store(repo: Workspace) -> None:
    """Remove the store of this machine, as if the repository had been cloned just now."""
    shutil.rmtree(store_of(repo).folder)
