"""The files of one side for plots: of the workspace, or of a commit with what its locks name."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

from gitexp import errors, files
from gitexp.catalog.lookup import Point
from gitexp.datasets import run_artifacts
from gitexp.datasets.wanted import lock_at
from gitexp.files import dvc_yaml
from gitexp.files.dvc_yaml import DEFAULT_PARAMS, DVC_LOCK, DVC_YAML
from gitexp.files.limits import MAX_TABLE_BYTES, read_limited
from gitexp.model import Experiment, Tree
from gitexp.named_tuple import NamedTuple
from gitexp.objects.manifest import is_folder
from gitexp.objects.paths import lies_in
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project, inside
from gitexp.project.tools import dvc_cache
from gitexp.repo.git.disk_files import files_below
from gitexp.repo.git.trees import files_in
from gitexp.repo.git.values import in_commit

MOST = MAX_TABLE_BYTES  # bytes of a file


class StoredFile(NamedTuple):
    """A file of the object store: its hash, and its bytes."""

    hash: str
    size: int


class PlotTree(Protocol):
    """The files of one side."""

    def below(self, path: str) -> list[str]:
        """The files at or below a path, sorted."""

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        """The content of each file on this machine, up to one byte over `MOST`."""

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        """The size in bytes of each file on this machine."""

    def absent(self, names: Iterable[str]) -> list[str]:
        """A sentence for each file without its content on this machine."""


def tree_of(project: Project, point: Point) -> PlotTree:
    """The files of a side."""
    if point.commit is None:
        return _WorkspaceTree(project)
    return _CommitTree(project, point)


def logged_tree(project: Project, experiment: Experiment) -> PlotTree:
    """The files logged by the run of an experiment, by their artifact names."""
    return _LoggedTree(project, experiment)


class _WorkspaceTree:
    def __init__(self, project: Project) -> None:
        self._root = project.repo.root

    def below(self, path: str) -> list[str]:
        return files_below(self._root, [path])

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        found = {}
        for name in dict.fromkeys(names):
            # A link to outside of the repository is private.
            if (self._root / name).is_file() and inside(self._root, name) is not None:
                with contextlib.suppress(OSError):
                    found[name] = read_limited(self._root / name, MOST)
        return found

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        found = {}
        for name in names:
            if (self._root / name).is_file() and inside(self._root, name) is not None:
                found[name] = (self._root / name).stat().st_size
        return found

    def absent(self, names: Iterable[str]) -> list[str]:
        return []


class _CommitTree:
    """The files of a commit in Git, in the object store, and in DVC's cache."""

    def __init__(self, project: Project, point: Point) -> None:
        assert point.commit is not None
        self._project = project
        self._point = point
        self._commit = point.commit
        self._store = ObjectStore(project.local.objects)

    def below(self, path: str) -> list[str]:
        found = set(files_in(self._project.repo, self._commit, [path]))
        found.update(name for name in (*self._stored, *self._cached) if lies_in(name, path))
        return sorted(found)

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        wanted = list(dict.fromkeys(names))
        found: dict[str, bytes] = {}
        blobs = self._project.repo.read_blobs(in_commit(self._commit, wanted), most=MOST)
        for name, content in zip(wanted, blobs, strict=True):
            if content is not None:
                found[name] = content
            elif name in self._stored and self._store.has(self._stored[name].hash):
                found[name] = self._store.read(self._stored[name].hash, MOST + 1)
            elif name in self._cached and (place := self._cache_file(name)) is not None:
                with contextlib.suppress(OSError):
                    found[name] = read_limited(place, MOST)
        return found

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        wanted = list(dict.fromkeys(names))
        found: dict[str, int] = {}
        objects = self._project.repo.find_objects(in_commit(self._commit, wanted))
        for name, of in zip(wanted, objects, strict=True):
            if of is not None:
                found[name] = of.size
            elif name in self._stored and self._store.has(self._stored[name].hash):
                found[name] = self._stored[name].size
            elif name in self._cached and (place := self._cache_file(name)) is not None:
                found[name] = place.stat().st_size
        return found

    def absent(self, names: Iterable[str]) -> list[str]:
        found = []
        for name in names:
            if name in self._stored and not self._store.has(self._stored[name].hash):
                hint = f"gitexp data pull {self._point.label}"
            elif name in self._cached and self._cache_file(name) is None:
                hint = "dvc pull, or dvc exp pull"
            else:
                continue
            found.append(f"{name} (in {self._point.label}): its content is not here; {hint} brings it")
        return found

    @cached_property
    def _stored(self) -> Mapping[str, StoredFile]:
        """The files of gitexp.lock, by path."""
        found: dict[str, StoredFile] = {}
        for artifact in lock_at(self._project, self._point).artifacts:
            if not is_folder(artifact.hash):
                found[artifact.path] = StoredFile(artifact.hash, artifact.size)
                continue
            with contextlib.suppress(errors.DataError):  # its list is not here: nobody knows what is in it
                for file in self._store.manifest(artifact.hash).files:
                    if not file.link:
                        found[f"{artifact.path}/{file.path}"] = StoredFile(file.hash, file.size)
        return found

    @cached_property
    def _cached(self) -> Mapping[str, tuple[str, str]]:
        """The folder of dvc.lock and the MD5 for each file in dvc.lock, by path."""
        found: dict[str, tuple[str, str]] = {}
        repo, root = self._project.repo, self._project.repo.root
        for folder in dict.fromkeys([self._project.config.folder, ""]):
            names = [posixpath.join(folder, name) for name in (DVC_YAML, DVC_LOCK, DEFAULT_PARAMS)]
            pipeline, lock, params = repo.read_blobs(in_commit(self._commit, names))
            if pipeline is None or lock is None:
                continue
            with contextlib.suppress(errors.FileError):
                stages = dvc_yaml.read_pipeline(names[0], pipeline, _parsed(params))
                for path, md5 in dvc_yaml.read_lock(lock, stages).items():
                    for inner, of_file in _files_of(root, folder, md5).items():
                        name = path
                        if inner:
                            name = posixpath.join(path, inner)
                        found[name] = (folder, of_file)
        return found

    def _cache_file(self, name: str) -> Path | None:
        folder, md5 = self._cached[name]
        return dvc_cache.locate(self._project.repo.root, folder, md5)


class _LoggedTree:
    def __init__(self, project: Project, experiment: Experiment) -> None:
        self._project = project
        self._label = experiment.name
        self._store = ObjectStore(project.local.objects)
        self._found = {each.name: each for each in run_artifacts.of(project, experiment)}

    def below(self, path: str) -> list[str]:
        return [name for name in self._found if lies_in(name, path)]

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for name in names:
            one = self._found.get(name)
            if one is None:
                continue
            if one.stored is None:
                (content,) = self._project.repo.read_blobs([one.blob], most=MOST)
                found[name] = content or b""
            elif self._store.has(one.stored.hash):
                found[name] = self._store.read(one.stored.hash, MOST + 1)
        return found

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        return {name: self._found[name].size for name in names if name in self._found}

    def absent(self, names: Iterable[str]) -> list[str]:
        found = []
        for name in names:
            one = self._found.get(name)
            if one is not None and one.stored is not None and not self._store.has(one.stored.hash):
                found.append(
                    f"{name} (in {self._label}): its content is not here; "
                    f"gitexp data pull {self._label} brings it"
                )
        return found


def _files_of(root: Path, folder: str, md5: str) -> Mapping[str, str]:
    """The MD5 of each file of an out by its path in the out; {} if the list of a folder is missing."""
    try:
        return dvc_cache.files_of(root, folder, md5)
    except errors.MissingData:
        return {}


def _parsed(params: bytes | None) -> Tree:
    with contextlib.suppress(errors.FileError):
        return files.parse(DEFAULT_PARAMS, params or b"")
    return {}


def folders_of_plots(project: Project) -> Sequence[str]:
    """The folders with a dvc.yaml: the project's, dvclive's, and others of the index."""
    top = project.config.folder
    pattern = ":(top,glob)**/dvc.yaml"
    if top:
        pattern = f":(top,glob){top}/**/dvc.yaml"
    out = project.repo.run("ls-files", "-z", "--", pattern, env={"GIT_LITERAL_PATHSPECS": "0"})
    names = out.decode("utf-8", "surrogateescape").split("\0")
    found = [top, posixpath.join(top, "dvclive")]
    found += [posixpath.dirname(name) for name in names if name]
    return list(dict.fromkeys(found))[:100]
