"""The workspace as a run will find it: with what will have been brought by then, as far as that is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from pathlib import Path
from types import TracebackType

from gitexp import errors
from gitexp.datasets.remotes import remote_of
from gitexp.datasets.workspace import MADE_AGAIN, WorkspaceData
from gitexp.model import Artifact
from gitexp.objects import paths
from gitexp.objects.manifest import File, Manifest
from gitexp.objects.remotes.folder import FolderRemote
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.scan import scan
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.stage import ReadFile
from gitexp.project.project import Project

Folder = Callable[[str], Manifest | None]  # the hash of a folder -> what is in it, None if nobody knows here
Content = Callable[[str], bytes | None]  # the hash of a file -> its content, None if it is not here


class Foresight(WorkspaceData):
    """What is expected at a path counts, in place of what stands there now."""

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
        """Take it that these will be there."""
        self._expected.update((artifact.path, artifact) for artifact in artifacts)
        self._foreseen.clear()

    def leave_open(self, outs: Iterable[str]) -> None:
        """Take it that something will be written at these paths, and nobody knows what."""
        self._open.update(outs)

    def is_open(self, path: str) -> bool:
        """Return whether what will stand at a path cannot be known."""
        if any(paths.overlap(path, each) for each in self._open):
            return True
        near = [each for each in self._near(path) if each.path != path and each.is_folder]
        return any(self._folder(each.hash) is None for each in near)

    def artifact(self, path: str, *, read_only: bool = False) -> Artifact | None:
        asked = (path, read_only)
        if asked not in self._foreseen:
            near = self._near(path)
            if not near:
                return super().artifact(path, read_only=read_only)
            foreseen = self._foresee(path, near, read_only=read_only)
            self._foreseen[asked] = None if foreseen is None else self.as_seen(foreseen)
        return self._foreseen[asked]

    def _near(self, path: str) -> list[Artifact]:
        return [each for each in self._expected.values() if paths.overlap(each.path, path)]

    def _foresee(self, path: str, near: list[Artifact], *, read_only: bool) -> Artifact | None:
        but = MADE_AGAIN if read_only else ()
        around = next((each for each in near if paths.lies_in(path, each.path)), None)
        if around is None:
            found = scan(self._root, path, self._cache, but=but)
            there = found.manifest.files if found is not None and found.manifest is not None else ()
            gone = tuple(_below(each.path, path) for each in near)
            files = [file for file in there if not any(paths.lies_in(file.path, each) for each in gone)]
            files += [file for each in near for file in self._files(each, _below(each.path, path))]
        elif around.path == path and not around.is_folder:
            return around
        else:
            inside = _below(path, around.path)
            files = [
                file._replace(path=_below(file.path, inside))
                for file in self._files(around, "")
                if paths.lies_in(file.path, inside)
            ]
            if around.path != path and [file.path for file in files] == [""]:
                (file,) = files
                return Artifact(path, file.hash, file.size, executable=file.executable)
            if around.path == path and not any(_is_made_again(file, but) for file in files):
                return around
        manifest = Manifest.of(file for file in files if not _is_made_again(file, but))
        return Artifact(path, manifest.hash, manifest.size, len(manifest.files)) if files else None

    def _files(self, artifact: Artifact, prefix: str) -> list[File]:
        """Return the files of an artifact; `prefix` is where it stands in the folder that is asked for."""
        if not artifact.is_folder:
            return [File(prefix, artifact.hash, artifact.size, artifact.executable)]
        manifest = self._folder(artifact.hash)
        start = f"{prefix}/" if prefix else ""
        found = manifest.files if manifest is not None else ()
        return [file._replace(path=start + file.path) for file in found]

    def _params_file(self, read_file: ReadFile, content: Content) -> ReadFile:
        def read(name: str) -> bytes | None:
            if not self._near(name):
                return read_file(name)
            found = self.artifact(name)
            return None if found is None or found.is_folder else content(found.hash)

        return read


def _below(path: str, folder: str) -> str:
    """Return a path relative to a folder that it lies in, "" for that itself."""
    return path[len(folder) + 1 if folder else 0 :]


def _is_made_again(file: File, but: Iterable[str]) -> bool:
    return not set(file.path.split("/")).isdisjoint(but)


class Origin(Enum):
    """From where a run would have artifacts."""

    STORE = "store"
    REMOTE = "remote"
    PERHAPS = "perhaps"  # the remote, which was not asked
    NOWHERE = "nowhere"


class Supply:
    """The object store of this machine, and the first data remote behind it.

    A folder is asked as it is; a server only with `ask_servers`, for it may take its time, and it is the
    config that names it, which may come from a stranger. Use it as a context manager.

    `silent` is why the remote could not be asked, once it could not.
    """

    def __init__(self, project: Project, *, ask_servers: bool) -> None:
        self.remote = next(iter(project.config.remotes), "")
        self.silent: errors.GitexpError | None = None
        self._project = project
        self._ask_servers = ask_servers
        self._store = ObjectStore(project.local.objects)
        self._opened: DataRemote | None = None
        self._manifests: dict[str, Manifest | None] = {}

    def __enter__(self) -> Supply:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            self._opened.close()

    def source(self, artifacts: Iterable[Artifact]) -> Origin:
        """Return where all of these can be had from; where it is several places, the farthest."""
        missing = [part for each in artifacts for part in self._missing(each)]
        if not missing:
            return Origin.STORE
        if not self.remote or self.silent is not None:
            return Origin.NOWHERE
        try:
            remote = self._open()
            if remote is None:
                return Origin.PERHAPS
            # What a folder has is on a remote if the list of it is: that is pushed last.
            there = remote.has_many(missing)
        except (errors.DataError, errors.ConfigError) as error:
            self.silent = error
            return Origin.NOWHERE
        return Origin.REMOTE if all(part in there for part in missing) else Origin.NOWHERE

    def manifest(self, hash_: str) -> Manifest | None:
        """Return what is in a folder; None if that cannot be known without asking a server."""
        if hash_ not in self._manifests:
            self._manifests[hash_] = self._manifest(hash_)
        return self._manifests[hash_]

    def content(self, hash_: str) -> bytes | None:
        """Return a file of the store of this machine, None if it is not there."""
        try:
            return self._store.path(hash_).read_bytes()
        except OSError:
            return None

    def _manifest(self, hash_: str) -> Manifest | None:
        try:
            if self._store.has(hash_):
                return self._store.manifest(hash_)
            if not self.remote or self.silent is not None or (remote := self._open()) is None:
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
        try:
            return self._store.missing(self._store.contents(artifact.hash))
        except errors.DataError:
            return [artifact.hash]

    def _open(self) -> DataRemote | None:
        """Return the remote if it may be asked."""
        if self._opened is None:
            self._opened = remote_of(self._project)
        near = isinstance(self._opened, FolderRemote)
        return self._opened if near or self._ask_servers else None
