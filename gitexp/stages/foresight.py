"""The workspace as a later stage will find it: with the artifacts that a run brings or restores before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from enum import Enum
from pathlib import Path

from gitexp import errors
from gitexp.datasets.dvc_named import named_in_workspace
from gitexp.datasets.dvc_objects import DvcObjects
from gitexp.datasets.remotes import remote_of
from gitexp.datasets.workspace import MADE_AGAIN
from gitexp.files.limits import MAX_BYTES
from gitexp.model import Artifact, by_path
from gitexp.objects import paths
from gitexp.objects.manifest import File, Manifest
from gitexp.objects.remotes.folder import FolderRemote
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.scan import scan
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.stage import ReadFile
from gitexp.project.project import Project
from gitexp.stages.stage_data import StageData

Folder = Callable[[str], Manifest | None]  # the hash of a folder -> its files; None if they are unknown here
Content = Callable[[str], bytes | None]  # the hash of a file -> its content; None if it is not here


class Foresight(StageData):
    """A workspace where an expected artifact hides the present content of its path."""

    def __init__(
        self,
        root: Path,
        cache: StatCache,
        read_file: ReadFile,
        has_modes: Callable[[], bool],
        folder: Folder,
        content: Content,
    ) -> None:
        super().__init__(root, cache, self._params_file(read_file, content), has_modes)
        self._folder = folder
        self._expected: dict[str, Artifact] = {}
        self._open: set[str] = set()
        self._foreseen: dict[tuple[str, bool], Artifact | None] = {}

    def expect(self, artifacts: Iterable[Artifact]) -> None:
        """Count artifacts as present."""
        self._expected.update(by_path(artifacts))
        self._foreseen.clear()

    def leave_open(self, outs: Iterable[str]) -> None:
        """Count the content of paths as unknown: a stage will write there."""
        self._open.update(outs)

    def is_open(self, path: str) -> bool:
        """Whether the future content of a path cannot be known."""
        if paths.overlaps_any(path, self._open):
            return True
        for each in self._near(path):
            if each.path != path and each.is_folder and self._folder(each.hash) is None:
                return True
        return False

    def artifact(self, path: str, *, read_only: bool = False) -> Artifact | None:
        asked = (path, read_only)
        if asked not in self._foreseen:
            near = self._near(path)
            if not near:
                return super().artifact(path, read_only=read_only)
            foreseen = self._foresee(path, near, MADE_AGAIN if read_only else ())
            if foreseen is not None:
                foreseen = self.as_seen(foreseen)
            self._foreseen[asked] = foreseen
        return self._foreseen[asked]

    def _near(self, path: str) -> list[Artifact]:
        """The expected artifacts at, around and below a path."""
        return [each for each in self._expected.values() if paths.overlap(each.path, path)]

    def _foresee(self, path: str, near: Sequence[Artifact], but: Collection[str]) -> Artifact | None:
        """The future artifact at a path. Files and folders with a name in `but` do not count."""
        around = next((each for each in near if paths.lies_in(path, each.path)), None)
        if around is None:
            return _folder_at(path, self._with_expected(path, near, but), but)
        if around.path == path and not around.is_folder:
            return around
        inside = _relative(path, around.path)
        files = _files_in(self._files(around), inside)
        if around.path == path and not any(_is_named(file, but) for file in files):
            return around
        if around.path != path and [file.path for file in files] == [""]:
            (file,) = files
            return Artifact(path, file.hash, file.size, executable=file.executable)
        return _folder_at(path, files, but)

    def _with_expected(self, folder: str, near: Sequence[Artifact], but: Collection[str]) -> list[File]:
        """The files of a folder where some artifacts are expected, and hide the present files."""
        hidden = [_relative(each.path, folder) for each in near]
        files = list[File]()
        found = scan(self._root, folder, self.cache, but=but)
        if found is not None and found.manifest is not None:
            for file in found.manifest.files:
                if not paths.lies_in_any(file.path, hidden):
                    files.append(file)
        for each, place in zip(near, hidden, strict=True):
            for file in self._files(each):
                path = f"{place}/{file.path}" if each.is_folder else place
                files.append(file._replace(path=path))
        return files

    def _files(self, artifact: Artifact) -> Sequence[File]:
        """The files of an artifact, relative to it; a single file has the path ""."""
        if not artifact.is_folder:
            return [File("", artifact.hash, artifact.size, artifact.executable)]
        manifest = self._folder(artifact.hash)
        return manifest.files if manifest is not None else ()

    def _params_file(self, read_file: ReadFile, content: Content) -> ReadFile:
        def read(name: str) -> bytes | None:
            if not self._near(name):
                return read_file(name)
            found = self.artifact(name)
            return None if found is None or found.is_folder else content(found.hash)

        return read


def _relative(path: str, folder: str) -> str:
    """A path relative to a folder around it; "" for the folder itself."""
    return path[len(folder) + 1 if folder else 0 :]


def _files_in(files: Iterable[File], folder: str) -> list[File]:
    """The files inside a folder, relative to the folder."""
    inside = []
    for file in files:
        if paths.lies_in(file.path, folder):
            inside.append(file._replace(path=_relative(file.path, folder)))
    return inside


def _folder_at(path: str, files: Sequence[File], but: Collection[str]) -> Artifact | None:
    """The folder with some files; None without any."""
    if not files:
        return None
    manifest = Manifest.of(file for file in files if not _is_named(file, but))
    return Artifact(path, manifest.hash, manifest.size, len(manifest.files))


def _is_named(file: File, names: Collection[str]) -> bool:
    return not set(file.path.split("/")).isdisjoint(names)


class Availability(Enum):
    """Where a run would get artifacts from."""

    STORE = "store"
    REMOTE = "remote"
    PERHAPS = "perhaps"  # a remote that was not asked
    NOWHERE = "nowhere"


class Supply:
    """The object store of this machine, and the first data remote behind the store. A context manager.

    A remote in a folder is always asked; a server only with `ask_servers`, for two reasons: a server may
    take its time, and a stranger may have written the config with its address.

    Attributes:
        remote: the name of the data remote; "" without one.
        silent: why the remote could not be asked, after a failure.
        dvc: DVC's caches, which count as this machine.
    """

    def __init__(self, project: Project, *, ask_servers: bool) -> None:
        self.remote = next(iter(project.config.remotes), "")
        self.silent: errors.GitexpError | None = None
        self._project = project
        self._ask_servers = ask_servers
        self._store = ObjectStore(project.local.objects)
        self._opened: DataRemote | None = None
        self._manifests: dict[str, Manifest | None] = {}
        self.dvc = DvcObjects(project)
        self._has_learned = False

    def __enter__(self) -> Supply:
        return self

    def __exit__(self, *error: object) -> None:
        if self._opened is not None:
            self._opened.close()

    def availability(self, artifacts: Iterable[Artifact]) -> Availability:
        """The farthest place on the way to having all artifacts."""
        missing = list[str]()
        for each in artifacts:
            missing += self._missing(each)
        if not missing:
            return Availability.STORE
        if not self.remote or self.silent is not None:
            return Availability.NOWHERE
        try:
            remote = self._open()
            if remote is None:
                return Availability.PERHAPS
            # A folder's list is pushed after its files: a remote with the list has the files.
            there = remote.has_many(missing)
        except (errors.DataError, errors.ConfigError) as error:
            self.silent = error
            return Availability.NOWHERE
        if all(part in there for part in missing):
            return Availability.REMOTE
        return Availability.NOWHERE

    def manifest(self, hash_: str) -> Manifest | None:
        """The files of a folder; None if only a server knows them."""
        if hash_ not in self._manifests:
            self._manifests[hash_] = self._manifest(hash_)
        return self._manifests[hash_]

    def content(self, hash_: str) -> bytes | None:
        """The content of a file in the store of this machine; None if absent."""
        try:
            return self._store.read(hash_)
        except OSError:
            return self.dvc.read(hash_, MAX_BYTES)

    def _manifest(self, hash_: str) -> Manifest | None:
        try:
            if self._store.has(hash_):
                return self._store.manifest(hash_)
            if (found := self.dvc.manifest(hash_)) is not None:
                return found
            if not self.remote or self.silent is not None:
                return None
            remote = self._open()
            if remote is None:
                return None
            with self._project.local.scratch() as scratch:
                aside = ObjectStore(scratch / "objects")
                temporary = aside.new_temp()
                remote.get(hash_, temporary, lambda count: None)
                aside.adopt(temporary, hash_)
                return aside.manifest(hash_)
        except (errors.DataError, errors.ConfigError, errors.StorageError):
            return None

    def _missing(self, artifact: Artifact) -> Sequence[str]:
        found = self._not_here(artifact)
        if found and not self._has_learned:  # a clone does not know yet what DVC's content is called here
            self._has_learned = True
            if self.dvc.is_used:
                self.dvc.artifacts(named_in_workspace(self._project))
                found = self._not_here(artifact)
        return found

    def _not_here(self, artifact: Artifact) -> Sequence[str]:
        try:
            parts = self._store.contents(artifact.hash)
        except errors.DataError:
            found = self.dvc.manifest(artifact.hash)
            if found is None:
                return [artifact.hash]
            parts = [file.hash for file in found.files]
        return [part for part in self._store.missing(parts) if not self.dvc.has(part)]

    def _open(self) -> DataRemote | None:
        """The remote; None if asking is not allowed."""
        if self._opened is None:
            self._opened = remote_of(self._project)
        if self._ask_servers or isinstance(self._opened, FolderRemote):
            return self._opened
        return None
