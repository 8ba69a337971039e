"""The files of a model, wherever a commit has them: in Git, in the object store, or in DVC's cache."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from gitexp import errors
from gitexp.datasets.sync import fetch
from gitexp.extras.registry.contents import dvc_outputs
from gitexp.extras.registry.contents.dvc_outputs import DvcFile
from gitexp.model import Artifact
from gitexp.named_tuple import NamedTuple
from gitexp.objects import manifest, paths
from gitexp.objects.manifest import File, Manifest
from gitexp.objects.paths import lies_in, upward
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import LOCK_FILE, read_lock
from gitexp.project.project import Project
from gitexp.repo.experiments import ARTIFACTS
from gitexp.repo.git import trees
from gitexp.repo.git.values import TreeEntry

_CHUNK = 1 << 20  # bytes
_LINK, _EXECUTABLE = "120000", "100755"


class ModelFile(NamedTuple):
    """A file of a model. Exactly one of `blob`, `hash` and `dvc` is set.

    Attributes:
        name: its path in the model's folder; "" for a model without a folder.
        size: bytes; None if unknown.
        blob: its id in Git.
        hash: its SHA-256, for the object store.
        dvc: the file in DVC's cache.
    """

    name: str
    size: int | None
    executable: bool = False
    blob: str = ""
    hash: str = ""
    dvc: DvcFile | None = None


class ModelContent(NamedTuple):
    """The content of a model.

    Attributes:
        path: the path in the question.
        files: its files; a model without a folder has a single file without a name.
        is_logged: whether the run has logged the model from Python, beside its code.
    """

    path: str
    files: tuple[ModelFile, ...]
    is_logged: bool = False

    @property
    def is_folder(self) -> bool:
        return len(self.files) != 1 or bool(self.files[0].name)

    @property
    def size(self) -> int | None:
        """The bytes of all files; None if not known of one."""
        total = 0
        for file in self.files:
            if file.size is None:
                return None
            total += file.size
        return total


def find(project: Project, commit: str, path: str) -> ModelContent | None:
    """The content at a path of a commit, from the root, or among the artifacts that its run has logged.

    Raises UnsafePath, LockError, MissingData for the list of a folder that nobody has, and unstorable-data
    for a folder with links.
    """
    path = posixpath.normpath(path)
    if why := paths.fault(path):
        raise errors.UnsafePath(f"{path!a} {why}.", "Name the model by its path from the root.")
    for top in ("", ARTIFACTS):
        files = _in_git(project, commit, top, path) | _in_store(project, commit, top, path)
        if files:
            return _content(path, files.values(), is_logged=bool(top))
    outputs = dvc_outputs.files_at(project, commit, path)
    if outputs:
        made = (ModelFile(name, file.size, dvc=file) for name, file in outputs.items())
        return _content(path, made, is_logged=False)
    return None


def _content(path: str, files: Iterable[ModelFile], *, is_logged: bool) -> ModelContent:
    found = tuple(sorted(files, key=lambda file: file.name))
    if why := manifest.fault(file.name for file in found if file.name):
        raise errors.UnsafePath(f"The model {path} cannot be brought to every system: {why}.")
    return ModelContent(path, found, is_logged)


# -- in Git -------------------------------------------------------------------------------------------


def _in_git(project: Project, commit: str, top: str, path: str) -> dict[str, ModelFile]:
    """The files at or below a path in a folder `top` of a commit, by their names in the model."""
    place = posixpath.join(top, path)

    def is_wanted(each: str, is_folder: bool) -> bool:
        return lies_in(each, place) or (is_folder and lies_in(place, each))

    entries = trees.leaves(project.repo, commit, is_wanted)
    if top:
        entries.pop(f"{top}/{LOCK_FILE}", None)
    for each, entry in entries.items():
        if entry.kind != "blob" or entry.mode == _LINK:
            raise errors.UnstorableData(
                f"{each} is a link or a submodule, and a model has files alone.",
                "Name the file that the link leads to.",
            )
    sizes = project.repo.sizes_of({entry.id for entry in entries.values()})
    found = {}
    for each, entry in entries.items():
        name = "" if each == place else posixpath.relpath(each, place)
        found[name] = _of_entry(name, entry, sizes)
    return found


def _of_entry(name: str, entry: TreeEntry, sizes: Mapping[str, int]) -> ModelFile:
    return ModelFile(name, sizes.get(entry.id), entry.mode == _EXECUTABLE, blob=entry.id)


# -- in the object store ------------------------------------------------------------------------------


def _in_store(project: Project, commit: str, top: str, path: str) -> dict[str, ModelFile]:
    """The files at or below a path that a gitexp.lock of a commit names, by their names in the model."""
    folders = [ARTIFACTS] if top else ["", *upward(posixpath.dirname(path))]
    places = [f"{commit}:{posixpath.join(folder, LOCK_FILE)}" for folder in folders]
    found = dict[str, ModelFile]()
    for place, text in zip(places, project.repo.read_blobs(places), strict=True):
        folder = posixpath.dirname(place.partition(":")[2])
        if text is not None:
            for artifact in read_lock(place.partition(":")[2], text, folder).artifacts:
                found |= _of_artifact(project, artifact, path)
    return found


def _of_artifact(project: Project, artifact: Artifact, path: str) -> dict[str, ModelFile]:
    """The files of an artifact at or below a path: the artifact may be larger or smaller than the model."""
    if not artifact.is_folder:
        if artifact.path == path:
            return {"": ModelFile("", artifact.size, artifact.executable, hash=artifact.hash)}
        if lies_in(artifact.path, path):
            name = posixpath.relpath(artifact.path, path)
            return {name: ModelFile(name, artifact.size, artifact.executable, hash=artifact.hash)}
        return {}
    if not lies_in(path, artifact.path) and not lies_in(artifact.path, path):
        return {}
    found = {}
    for file in _manifest(project, artifact).files:
        place = f"{artifact.path}/{file.path}"
        if not lies_in(place, path):
            continue
        name = "" if place == path else posixpath.relpath(place, path)
        if file.link:
            raise errors.UnstorableData(
                f"{place} is a link, and a model has files alone.", "Name the file that the link leads to."
            )
        found[name] = ModelFile(name, file.size, file.executable, hash=file.hash)
    return found


def _manifest(project: Project, folder: Artifact) -> Manifest:
    """The list of a folder's files, fetched if need be. Raises MissingData."""
    store = ObjectStore(project.local.objects)
    if not store.has(folder.hash):
        for reason in fetch(project, {folder.hash: None}).values():
            raise errors.MissingData(
                f"{folder.path} cannot be brought here: {reason.message}", reason.hint, paths=[folder.path]
            )
    return store.manifest(folder.hash)


# -- the bytes ----------------------------------------------------------------------------------------


def require_here(project: Project, content: ModelContent) -> None:
    """Fetch the files that the object store lacks from the data remote. Raises MissingData."""
    sizes = {file.hash: file.size for file in content.files if file.hash}
    names = {file.hash: posixpath.join(content.path, file.name) for file in content.files if file.hash}
    for hash_, reason in fetch(project, sizes).items():
        name = names[hash_].removesuffix("/")
        raise errors.MissingData(
            f"{name} cannot be brought here: {reason.message}", reason.hint, paths=[name]
        )


@contextmanager
def pieces(project: Project, file: ModelFile) -> Iterator[Iterator[bytes]]:
    """Give the bytes of a present file, piece by piece. Raises OSError, GitFailed and MissingData."""
    if file.blob:
        yield project.repo.blob_pieces(file.blob)
    elif file.dvc is not None:
        with file.dvc.path.open("rb") as opened:
            yield iter(lambda: opened.read(_CHUNK), b"")
    else:
        with (
            ObjectStore(project.local.objects).opened(file.hash) as fd,
            open(fd, "rb", closefd=False) as opened,
        ):
            yield iter(lambda: opened.read(_CHUNK), b"")


def hash_of(project: Project, content: ModelContent) -> str:
    """The hash of a model: SHA-256 of its file, or of its folder's manifest; of data under DVC, DVC's own."""
    if content.files[0].dvc is not None:
        return f"md5:{content.files[0].dvc.out}"
    files = []
    for file in content.files:
        files.append(File(file.name, _sha256(project, file), file.size or 0, file.executable))
    if not content.is_folder:
        return files[0].hash
    return Manifest.of(files).hash


def _sha256(project: Project, file: ModelFile) -> str:
    if file.hash:
        return file.hash
    digest = hashlib.sha256()
    with pieces(project, file) as found:
        for piece in found:
            digest.update(piece)
    return digest.hexdigest()
