"""The files of an experiment for a page: listed with their sizes, and read in part or piece by piece.

A path is looked up among the names that the experiment itself has. So none leads into the file system.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Sequence
from typing import Any

from gitexp import errors
from gitexp.catalog import lookup, sources
from gitexp.catalog.series import stored_series
from gitexp.datasets.run_artifacts import RunArtifact
from gitexp.extras.reading import files_of
from gitexp.model import Artifact, Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.nofollow import opened
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project
from gitexp.repo.git.trees import files_in
from gitexp.repo.git.values import in_commit
from gitexp.repo.live import LOGGED

Document = dict[str, Any]

CODE, ARTIFACTS, DATA = "code", "artifacts", "data"
PLACES = (CODE, ARTIFACTS, DATA)
MOST_LISTED = 5_000  # files of each place

_CHUNK = 256 * 1024


class FoundFile(NamedTuple):
    """A file of an experiment.

    Attributes:
        path: the path from the root of the place.
        size: the size in bytes.
        blob: the id of the content in Git; "" for others.
        hash: the hash of the content in the object store; "" for others.
        live: the folder of the live run with the file; "" for others.
    """

    project: Project
    path: str
    size: int
    blob: str = ""
    hash: str = ""
    live: str = ""

    def head(self, most: int) -> bytes:
        """The first `most` bytes of the content. Raises GitexpError and OSError."""
        found = b""
        for piece in self.pieces():
            found += piece
            if len(found) >= most:
                break
        return found[:most]

    def pieces(self) -> Iterator[bytes]:
        """Yield the content piece by piece. Raises GitexpError and OSError."""
        if self.blob and self.size <= _CHUNK:
            (content,) = self.project.repo.read_blobs([self.blob], most=_CHUNK)
            yield content or b""
        elif self.blob:
            yield from self.project.repo.blob_pieces(self.blob)
        elif self.hash:
            with ObjectStore(self.project.local.objects).opened(self.hash) as fd:
                yield from _read(fd)
        else:
            folder, name = posixpath.split(self.path)
            with opened(self.live, folder) as found:
                fd = found.open(name)
                try:
                    yield from _read(fd)
                finally:
                    os.close(fd)


def _read(fd: int) -> Iterator[bytes]:
    while piece := os.read(fd, _CHUNK):
        yield piece


def listed(project: Project, experiment: Experiment, places: Sequence[str] = PLACES) -> Document:
    """The files by place, each `[path, size]`: logged by the run, of its code, and data in the object store.

    Returns: for each place `files`, `count`, `bytes`, and `reason` for unreadable files.
    """
    found = {}
    for place in places:
        try:
            files = _of_place(project, experiment, place)
        except (errors.GitexpError, OSError) as error:
            found[place] = {"files": [], "count": 0, "bytes": 0, "reason": str(error)}
            continue
        sizes = [size for _, size in files]
        shown = list(map(list, files[:MOST_LISTED]))
        found[place] = {"files": shown, "count": len(files), "bytes": sum(sizes)}
    return found


def find(project: Project, experiment: Experiment, place: str, path: str) -> FoundFile:
    """A file of an experiment by its place and path.

    Raises ExperimentError for an unknown file, MissingData for content missing on this machine.
    """
    found = None
    if "\0" not in path and path == files_of.inside(experiment, path):  # in no other spelling
        if place == ARTIFACTS:
            found = _artifact(project, experiment, path)
        elif place == CODE:
            found = _committed(project, experiment, path)
        elif place == DATA:
            found = _stored(project, experiment, path)
    if found is None:
        raise errors.ExperimentError(f"{experiment.name} has no such file.", code="no-file")
    if found.hash and not ObjectStore(project.local.objects).has(found.hash):
        raise errors.MissingData(
            f"The content of {path} is not on this machine.",
            f"A data remote may have it: gitexp data pull {experiment.name}",
            paths=[path],
        )
    return found


def _of_place(project: Project, experiment: Experiment, place: str) -> Sequence[tuple[str, int]]:
    if place == ARTIFACTS:
        return [(each.name, each.size) for each in files_of.artifacts(project, experiment)]
    if place == DATA:
        return [(each.path, each.size) for each in _files_of_data(project, experiment)]
    experiment = stored_series.as_of_now(project, experiment)
    lookup.require_whole(project, experiment, with_baseline=False)
    paths = files_in(project.repo, experiment.record.commit, ["."])
    objects = project.repo.find_objects(in_commit(experiment.record.commit, paths))
    return [(path, one.size) for path, one in zip(paths, objects, strict=True) if one is not None]


def _artifact(project: Project, experiment: Experiment, path: str) -> FoundFile | None:
    state = stored_series.live_state(project, experiment)
    live = ""
    if state is not None:
        live = str(state.folder)
    for each in files_of.artifacts(project, experiment):
        if each.name == path:
            return _found_artifact(project, each, live)
    return None


def _found_artifact(project: Project, each: RunArtifact, live: str) -> FoundFile:
    if each.stored is not None:
        return FoundFile(project, each.name, each.size, hash=each.stored.hash)
    if each.blob:
        return FoundFile(project, each.name, each.size, blob=each.blob)
    return FoundFile(project, each.name, each.size, live=f"{live}/{LOGGED}/{ARTIFACTS}")


def _committed(project: Project, experiment: Experiment, path: str) -> FoundFile | None:
    experiment = stored_series.as_of_now(project, experiment)
    (blob,) = project.repo.find_objects(in_commit(experiment.record.commit, [path]))
    if blob is None or blob.kind != "blob":
        return None
    return FoundFile(project, path, blob.size, blob=blob.id)


def _stored(project: Project, experiment: Experiment, path: str) -> FoundFile | None:
    for each in _files_of_data(project, experiment):
        if each.path == path:
            return FoundFile(project, path, each.size, hash=each.hash)
    return None


def _files_of_data(project: Project, experiment: Experiment) -> list[Artifact]:
    """The data and outputs; for a folder on this machine, the files of the folder."""
    if not sources.is_own(experiment):
        return []
    store = ObjectStore(project.local.objects)
    found = list[Artifact]()
    for each in files_of.data(project, experiment):
        if not each.is_folder:
            found.append(each)
        elif store.has(each.hash):
            for file in store.manifest(each.hash).files:
                if not file.link:
                    found.append(Artifact(f"{each.path}/{file.path}", file.hash, file.size))
    return found
