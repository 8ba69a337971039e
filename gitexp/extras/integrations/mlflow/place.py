"""A repository as the scheme `gitexp` names it: what all stores of one process share."""

from __future__ import annotations

import functools
import os
import re
import threading
from pathlib import Path
from urllib.parse import quote, unquote

from gitexp import errors
from gitexp.extras.integrations.mlflow.run_index import RunIndex
from gitexp.extras.integrations.mlflow.run_log_files import RunWriter
from gitexp.extras.integrations.mlflow.shelf import Shelf
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.regex import regex

SCHEME = "gitexp"
_ARTIFACTS = regex(r"(?P<root>.*)/\.gitexp/(?P<kind>run|model)/(?P<id>[^/]+)/artifacts(?:/(?P<path>.*))?")


class OpenedRepository:
    """One repository, opened.

    Attributes:
        root: the root of the workspace.
        project: the project.
        lock: held during each call of Git.
        index: the runs.
        shelf: things without a run.
        writers: the writers of live runs, by run id, only the writers of this process.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()
        self.writers: dict[str, RunWriter] = {}
        self._open()

    def _open(self) -> None:
        self.project = Project.open(self.root, any_config=True)
        self.index = RunIndex(self.project)
        self.shelf = Shelf(self.project)
        self._owner = os.getpid()

    def __enter__(self) -> OpenedRepository:
        self.lock.acquire()
        if self._owner != os.getpid():  # a forked process must not share the parent's Git
            self.writers = {}
            self._open()
        return self

    def __exit__(self, *error: object) -> None:
        self.lock.release()

    def artifacts_of(self, kind: str, owner: str) -> str:
        """The URI of the artifacts of a `run` or a `model`."""
        return artifacts_uri(self.root.as_posix(), kind, owner)


def artifacts_uri(root: str, kind: str, owner: str) -> str:
    """The URI of the artifacts of a `run` or a `model`, in the repository with this root."""
    return f"{SCHEME}://{quote(root)}/.gitexp/{kind}/{owner}/artifacts"


class ArtifactPlace(NamedTuple):
    """The place named by an URI of artifacts.

    Attributes:
        place: the repository.
        kind: `run` or `model`.
        owner: the id of the run or the logged model.
        path: a path in its artifacts; "" for all of them.
    """

    place: OpenedRepository
    kind: str
    owner: str
    path: str


def at(uri: str) -> OpenedRepository:
    """The repository of an URI: `gitexp:` for the current folder, `gitexp:///path` for another.

    Raises the errors of `Project.open`, and UsageError for an URI of another form.
    """
    return _opened(_root(_folder(uri)))


def artifacts_at(uri: str) -> ArtifactPlace:
    """The repository and the owner of an URI's artifacts. Raises UsageError for an URI of another form."""
    path = unquote(uri.partition(":")[2])
    match = _ARTIFACTS.fullmatch(path.removeprefix("//"))  # MLflow takes two of three slashes away at times
    if match is None:
        raise errors.UsageError(f"'{uri}' names no artifacts of a run.", "Ask the run: run.info.artifact_uri")
    place = _opened(_root(Path(_local(match["root"]))))
    return ArtifactPlace(place, match["kind"], match["id"], match["path"] or "")


def _folder(uri: str) -> Path:
    rest = unquote(uri.partition(":")[2])
    if not rest.startswith("//"):
        return Path(rest or ".")
    host, _, path = rest[2:].partition("/")
    if host:
        raise errors.UsageError(
            f"'{uri}' names a machine, '{host}', and a repository is a folder of this one.",
            f"Give three slashes before an absolute path: {SCHEME}:///{host}/{path}",
        )
    return Path(_local(f"/{path}"))


def _local(path: str) -> str:
    """The path in an URI; on Windows `C:/x` for `/C:/x`."""
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path


def _root(folder: Path) -> Path:
    """The root of the workspace around a folder."""
    return Project.open(folder.resolve(), any_config=True).repo.root.resolve()


@functools.lru_cache(maxsize=32)
def _opened(root: Path) -> OpenedRepository:
    return OpenedRepository(root)
