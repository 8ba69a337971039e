"""The files that the command of a run has logged, stored with the experiment.

Small files go into the record's tree, below `.gitexp/run/artifacts/`. Files over the project's
`max_untracked` go into the object store. A gitexp.lock in that folder names them, by paths from the root: no
lock may name a path below `.gitexp`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.folders import walk_folder
from gitexp.model import Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.nofollow import is_plain
from gitexp.objects.paths import folded
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.artifact_paths import fault
from gitexp.pipeline.lock import LOCK_FILE, Lock, read_lock, write_lock
from gitexp.project.project import Project
from gitexp.repo.experiments import ARTIFACTS
from gitexp.repo.live import RunState
from gitexp.runs.logged_values import run_blobs

FOLDER = "artifacts"  # in `logged/`, and in the record's tree


class StoredArtifacts(NamedTuple):
    """Logged files, stored.

    Attributes:
        blobs: the blob of each small file, by name.
        large: the large files in the object store, by name.
        warnings: what could not be stored.
    """

    blobs: dict[str, str]
    large: dict[str, Artifact]
    warnings: list[str]


def store(project: Project, state: RunState) -> tuple[dict[str, str], list[str]]:
    """Store the logged files: the blob of each small one by its name in the record's tree, and warnings."""
    top = state.logged / FOLDER
    if not os.path.lexists(top) or top.is_symlink():
        return {}, []
    found = store_folder(project, top, state.scope.max_size)
    stored = {f"{FOLDER}/{name}": blob for name, blob in found.blobs.items()}
    if found.large:
        stored[f"{FOLDER}/{LOCK_FILE}"] = project.repo.write_blob(as_lock(found.large))
    return stored, found.warnings


def as_lock(large: Mapping[str, Artifact]) -> bytes:
    """The text of the lock that names large files."""
    return write_lock(Lock(outs=large), ARTIFACTS)


def large_in(lock: bytes) -> dict[str, Artifact]:
    """The large files that a lock of artifacts names, by name. Raises LockError."""
    return dict(read_lock(LOCK_FILE, lock, ARTIFACTS).outs)


def store_folder(project: Project, top: Path, max_size: int) -> StoredArtifacts:
    """Store the files below a folder called like `FOLDER`; those over `max_size` in the object store."""
    small: list[str] = []
    large: list[str] = []
    warnings = []
    known = set[str]()
    for path, of in _files(top):
        name = path.relative_to(top).as_posix()
        if not is_plain(of):
            warnings.append(f"not stored, a logged artifact that is no plain file: {name}")
        elif (why := fault(name)) is not None:
            warnings.append(f"not stored, a logged artifact whose name {why}: {name}")
        elif folded(name) in known:
            warnings.append(f"not stored, a logged artifact beside one of the same name but for case: {name}")
        elif of.st_size > max_size:
            large.append(name)
        else:
            small.append(name)
        known.add(folded(name))
    blobs = run_blobs.store(project, top, small)
    artifacts: dict[str, Artifact] = {}
    if large:
        artifacts, refused = _put(project, top.parent, large)
        warnings += refused
    return StoredArtifacts(blobs, artifacts, warnings)


def _files(top: Path) -> list[tuple[Path, os.stat_result]]:
    """The files below a folder, each with its stat; a file that is gone meanwhile is left out."""
    found = []
    for folder in walk_folder(top):
        for name in sorted(folder.files):
            path = Path(folder.path, name)
            with contextlib.suppress(FileNotFoundError):
                found.append((path, path.lstat()))
    return found


def _put(project: Project, root: Path, names: list[str]) -> tuple[dict[str, Artifact], list[str]]:
    """Put files into the object store; the artifacts by name, and warnings."""
    found: dict[str, Artifact] = {}
    refused = []
    store = ObjectStore(project.local.objects)
    with StatCache(project.local.stat_cache) as cache:
        for name in names:
            try:
                artifact = store.add(root, f"{FOLDER}/{name}", cache)
            except (errors.UnsafePath, errors.UnstorableData) as error:
                refused.append(f"not stored: {name}: {error.message.rstrip('.')}")
                continue
            found[name] = artifact._replace(path=name)
            failpoint("logged:large")
    return found, refused
