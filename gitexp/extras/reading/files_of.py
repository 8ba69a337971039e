"""The files of an experiment, wherever their content is: to be listed, and to be opened."""

from __future__ import annotations

import io
import os
import posixpath
from typing import BinaryIO

from gitexp import errors
from gitexp.catalog import lookup, sources
from gitexp.catalog.series import stored_series
from gitexp.datasets import run_artifacts
from gitexp.datasets.run_artifacts import RunArtifact
from gitexp.datasets.wanted import lock_at
from gitexp.folders import walk_folder
from gitexp.model import Artifact, Experiment
from gitexp.nofollow import opened
from gitexp.objects.store import ObjectStore, damaged
from gitexp.project.project import Project
from gitexp.repo.git.trees import files_in
from gitexp.repo.live import LOGGED, RunState
from gitexp.words import did_you_mean

_IN_LIVE_FOLDER = f"{LOGGED}/artifacts"


def artifacts(project: Project, experiment: Experiment) -> list[RunArtifact]:
    """The files logged by a run, by name; of a live run, so far."""
    state = stored_series.live_state(project, experiment)
    if state is not None:
        return _live_artifacts(state)
    experiment = stored_series.as_of_now(project, experiment)
    if not sources.is_own(experiment):
        return []
    return run_artifacts.of(project, experiment)


def data(project: Project, experiment: Experiment) -> list[Artifact]:
    """Data, outputs and large results in the object store, by path."""
    experiment = stored_series.as_of_now(project, experiment)
    found = lock_at(project, lookup.Point(experiment, {}, {})).artifacts
    return sorted(found, key=lambda artifact: artifact.path)


def open_file(project: Project, experiment: Experiment, path: str) -> BinaryIO:
    """A file of an experiment, open for reading bytes.

    A file logged by the run goes before one of the experiment's commit, and this before data, outputs
    and large results in the object store; a path may lead into a folder of these. Raises ExperimentError if
    the experiment has no such file, MissingData if its content is not here, DamagedObject.
    """
    path = inside(experiment, path)
    state = stored_series.live_state(project, experiment)
    live = None if state is None else _open_live(state, path)
    if live is not None:
        return live
    experiment = stored_series.as_of_now(project, experiment)
    for artifact in artifacts(project, experiment):
        if artifact.name == path and artifact.stored is not None:
            return _open_object(project, experiment, path, artifact.stored.hash)
        if artifact.name == path and (found := _open_blob(project, artifact.blob)) is not None:
            return found
    committed = _open_blob(project, f"{experiment.record.commit}:{path}")
    if committed is not None:
        return committed
    for each in data(project, experiment):
        if (hash_ := _hash_at(project, each, path, experiment)) is not None:
            return _open_object(project, experiment, path, hash_)
    raise _no_file(project, experiment, path)


def text_of(project: Project, experiment: Experiment, path: str) -> str:
    """The text of a file of the experiment's commit. Raises ExperimentError without it, or for no text."""
    (content,) = project.repo.read_blobs(
        [f"{experiment.record.commit}:{inside(experiment, path)}"], most=None
    )
    if content is None:
        raise _no_file(project, experiment, path)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise errors.ExperimentError(
            f"{path} of {experiment.name} is no text.",
            f"As bytes: experiment.open({path!r})",
            code="no-file",
        ) from None


def inside(experiment: Experiment, path: str) -> str:
    """The path from the root in its shortest form. Raises ExperimentError for one that leads out of there."""
    short = posixpath.normpath(path)
    if short == "." or short.startswith(("/", "../")) or short == "..":
        raise errors.ExperimentError(
            f"{experiment.name} has no file '{path}': a path begins at the root of the repository.",
            "For example: experiment.open('models/model.pkl')",
            code="no-file",
        )
    return short


def _open_blob(project: Project, blob: str) -> BinaryIO | None:
    """The content of a blob; None for a folder's tree."""
    (content,) = project.repo.read_blobs([blob], most=None)
    if content is None:
        return None
    return io.BytesIO(content)


def _open_object(project: Project, experiment: Experiment, path: str, hash_: str) -> BinaryIO:
    store = ObjectStore(project.local.objects)
    if not store.has(hash_):
        raise _not_here(experiment, path)
    if not store.verify(hash_):
        raise damaged(hash_)
    with store.opened(hash_) as fd:
        return os.fdopen(os.dup(fd), "rb")


def _hash_at(project: Project, artifact: Artifact, path: str, experiment: Experiment) -> str | None:
    """The hash of the file at a path, which an artifact is or has in it; None for another path."""
    if not artifact.is_folder:
        return artifact.hash if artifact.path == path else None
    if not path.startswith(f"{artifact.path}/"):
        return None
    store = ObjectStore(project.local.objects)
    if not store.has(artifact.hash):
        raise _not_here(experiment, path)
    for file in store.manifest(artifact.hash).files:
        if f"{artifact.path}/{file.path}" == path and not file.link:
            return file.hash
    return None


# -- of a run that goes on ----------------------------------------------------------------------------


def _live_artifacts(state: RunState) -> list[RunArtifact]:
    top = state.folder / _IN_LIVE_FOLDER
    found = []
    for folder in walk_folder(top):
        for name in folder.files:
            path = top / folder.path / name
            found.append(RunArtifact(path.relative_to(top).as_posix(), path.lstat().st_size))
    return sorted(found)


def _open_live(state: RunState, path: str) -> BinaryIO | None:
    """A file logged by a live run; None if none exists."""
    folder, name = posixpath.split(path)
    inner = posixpath.normpath(posixpath.join(_IN_LIVE_FOLDER, folder))
    if not inner.startswith(_IN_LIVE_FOLDER):
        return None
    try:
        with opened(state.folder, inner) as found:
            return os.fdopen(found.open(name), "rb")
    except OSError:
        return None


# -- errors -------------------------------------------------------------------------------------------


def _not_here(experiment: Experiment, path: str) -> errors.MissingData:
    return errors.MissingData(
        f"The content of {path} of {experiment.name} is not on this machine.",
        f"A data remote may have it: gitexp data pull {experiment.name}",
        paths=[path],
    )


def _no_file(project: Project, experiment: Experiment, path: str) -> errors.ExperimentError:
    known = files_in(project.repo, experiment.record.commit, ["."])
    known += [each.name for each in artifacts(project, experiment)]
    known += [each.path for each in data(project, experiment)]
    otherwise = f"git ls-tree -r --name-only {experiment.record.commit[:10]}"
    return errors.ExperimentError(
        f"{experiment.name} has no file '{path}'.", did_you_mean(path, known, otherwise), code="no-file"
    )
