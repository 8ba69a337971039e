"""Which data a workspace, a commit or an experiment names: artifacts read from locks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.catalog.lookup import Point
from gitexp.datasets import lock_file
from gitexp.model import Artifact
from gitexp.pipeline.lock import Lock, read_lock
from gitexp.project.project import Project


def commits(project: Project, names: Sequence[str] = (), *, everything: bool = False) -> list[str | None]:
    """Return the commits whose data is meant: those of the experiments or revisions named, by default None,
    which is the workspace; with `everything` the workspace and all experiments.

    Raises UnknownExperiment, AmbiguousExperiment, BadRecord.
    """
    if not everything:
        return [lookup.find(project, name).commit for name in names] or [None]
    return [None, *(experiment.record.commit for experiment in project.store.readable())]


def artifacts(project: Project, commits: Iterable[str | None]) -> list[Artifact]:
    """Return what the gitexp.lock of each commit names, None being the workspace; each content once.

    Raises LockError for one that cannot be read.
    """
    wanted = list(dict.fromkeys(commits))
    locks = _locks(project, [commit for commit in wanted if commit is not None])
    found: dict[str, Artifact] = {}
    for commit in wanted:
        lock = lock_file.read(project.repo.root, project.config) if commit is None else locks[commit]
        if isinstance(lock, errors.LockError):
            raise lock
        for artifact in lock.artifacts:
            found.setdefault(artifact.hash, artifact)
    return list(found.values())


def unreadable(project: Project, commits: Iterable[str]) -> dict[str, errors.LockError]:
    """Return those of some commits whose gitexp.lock cannot be read, with the reason: nobody knows what
    data is theirs, and they must not keep back the others."""
    locks = _locks(project, list(dict.fromkeys(commits)))
    return {commit: lock for commit, lock in locks.items() if isinstance(lock, errors.LockError)}


def _locks(project: Project, commits: Sequence[str]) -> dict[str, Lock | errors.LockError]:
    name, folder = lock_file.path_of(project.config), project.config.folder
    texts = project.repo.read_blobs([f"{commit}:{name}" for commit in commits]) if commits else []
    read: dict[bytes | None, Lock | errors.LockError] = {None: Lock()}
    for commit, text in zip(commits, texts, strict=True):
        if text is not None and text not in read:
            try:
                read[text] = read_lock(f"{name} ({commit[:7]})", text, folder)
            except errors.LockError as error:
                read[text] = error
    return {commit: read[text] for commit, text in zip(commits, texts, strict=True)}


def lock_at(project: Project, point: Point) -> Lock:
    """Return what gitexp.lock says at a point; an empty one where there is none that can be read."""
    path = lock_file.path_of(project.config)
    with contextlib.suppress(errors.LockError):
        if point.commit is None:
            return lock_file.read(project.repo.root, project.config)
        (data,) = project.repo.read_blobs([f"{point.commit}:{path}"])
        return read_lock(path, data or b"", project.config.folder)
    return Lock()
