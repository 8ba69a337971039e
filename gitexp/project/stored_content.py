"""The content of files that a gitexp.lock or a dvc.lock names, from the object store or from DVC's cache."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from gitexp import errors, files
from gitexp.files import dvc_yaml
from gitexp.files.dvc_yaml import DEFAULT_PARAMS, DVC_LOCK, DVC_YAML
from gitexp.files.limits import most_bytes
from gitexp.model import Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.objects.manifest import is_folder
from gitexp.objects.paths import lies_in
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import read_lock
from gitexp.project.tools import dvc_cache


class StoredContent(NamedTuple):
    """The outcome of a search.

    Attributes:
        found: the content of each found file, up to one byte over the limit of its kind.
        absent: a sentence for each file named in a lock, without content here.
    """

    found: dict[str, bytes]
    absent: list[str]


def by_lock(objects: Path, lock: str, text: bytes, names: Iterable[str]) -> StoredContent:
    """The files that the text of the gitexp.lock at `lock` names. Raises LockError."""
    store = ObjectStore(objects)
    artifacts = read_lock(lock, text, posixpath.dirname(lock)).artifacts

    def read(name: str) -> bytes | None:
        for artifact in artifacts:
            if lies_in(name, artifact.path):
                return _read(store, artifact, name)
        return None

    return _each(names, read)


def by_dvc_lock(
    root: Path, folder: str, commit: Mapping[str, bytes | None], names: Iterable[str]
) -> StoredContent:
    """The files that the dvc.lock of a commit in a folder names. Raises ParseError."""
    pipeline_file, params = (posixpath.join(folder, name) for name in (DVC_YAML, DEFAULT_PARAMS))
    variables = files.parse(params, commit.get(params) or b"")
    pipeline = dvc_yaml.read_pipeline(pipeline_file, commit.get(pipeline_file) or b"", variables)
    outs = dvc_yaml.read_lock(commit.get(posixpath.join(folder, DVC_LOCK)) or b"", pipeline)
    return _each(names, lambda name: dvc_cache.read_out(root, folder, outs, name))


def _each(names: Iterable[str], read: Callable[[str], bytes | None]) -> StoredContent:
    stored = StoredContent({}, [])
    for name in names:
        try:
            content = read(name)
        except errors.DataError as error:
            stored.absent.append(f"not read: {name}: {error.message}")
            continue
        if content is not None:
            stored.found[name] = content
    return stored


def _read(store: ObjectStore, artifact: Artifact, name: str) -> bytes | None:
    """The content of a file in an artifact; None if the artifact has no such file.

    Raises MissingData, DamagedObject or BadManifest.
    """
    hash_ = artifact.hash
    try:
        if is_folder(hash_):
            inner = posixpath.relpath(name, artifact.path)
            hashes = [file.hash for file in store.manifest(hash_).files if file.path == inner]
            if not hashes:
                return None
            hash_ = hashes[0]
        return store.read(hash_, most_bytes(name) + 1)
    except (OSError, errors.MissingData) as error:
        raise errors.MissingData("its content is not here: gitexp data pull brings it") from error
