"""Where the content of artifacts can be had from, said without bringing any of it here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from types import TracebackType

from gitexp import errors
from gitexp.data.folder_remote import FolderRemote
from gitexp.data.manifest import Manifest
from gitexp.data.objects import ObjectStore
from gitexp.data.remote import Remote
from gitexp.model import Artifact
from gitexp.ops.data import remote_of
from gitexp.ops.project import Project


class Source(Enum):
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
        self._opened: Remote | None = None
        self._manifests: dict[str, Manifest | None] = {}

    def __enter__(self) -> Supply:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            self._opened.close()

    def source(self, artifacts: Iterable[Artifact]) -> Source:
        """Return where all of these can be had from; where it is several places, the farthest."""
        missing = [part for each in artifacts for part in self._missing(each)]
        if not missing:
            return Source.STORE
        if not self.remote or self.silent is not None:
            return Source.NOWHERE
        try:
            remote = self._open()
            if remote is None:
                return Source.PERHAPS
            # What a folder has is on a remote if the list of it is: that is pushed last.
            there = remote.has_many(missing)
        except (errors.DataError, errors.ConfigError) as error:
            self.silent = error
            return Source.NOWHERE
        return Source.REMOTE if all(part in there for part in missing) else Source.NOWHERE

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

    def _open(self) -> Remote | None:
        """Return the remote if it may be asked."""
        if self._opened is None:
            self._opened = remote_of(self._project)
        near = isinstance(self._opened, FolderRemote)
        return self._opened if near or self._ask_servers else None
