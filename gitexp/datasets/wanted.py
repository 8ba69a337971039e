"""The artifacts in the locks of the workspace, of commits and of experiments."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from gitexp import errors
from gitexp.catalog import lookup, sources
from gitexp.catalog.lookup import Point
from gitexp.datasets import lock_file
from gitexp.model import Artifact
from gitexp.pipeline.lock import LOCK_FILE, Lock, read_lock
from gitexp.project.project import Project
from gitexp.repo.experiments import ARTIFACTS

_LOGGED = f"{ARTIFACTS}/{LOCK_FILE}"


def commits(project: Project, names: Sequence[str] = (), *, everything: bool = False) -> list[str | None]:
    """The commits of experiments and revisions by name; None, for the workspace, without names.

    Of an experiment it is the record commit: its tree has the artifacts logged by the run too. With
    `everything`, the workspace and all experiments. Raises UnknownExperiment, AmbiguousExperiment,
    BadRecord.
    """
    if not everything:
        return [_commit(lookup.find(project, name)) for name in names] or [None]
    return [None, *(experiment.id for experiment in project.store.readable())]


def _commit(point: Point) -> str | None:
    if point.experiment is not None and sources.is_own(point.experiment):
        return point.experiment.id
    return point.commit


def artifacts(project: Project, commits: Iterable[str | None]) -> list[Artifact]:
    """The artifacts in the locks of commits, each content once; None stands for the workspace.

    Raises LockError.
    """
    wanted = list(dict.fromkeys(commits))
    of_commits = locks(project, [commit for commit in wanted if commit is not None])
    found: dict[str, Artifact] = {}
    for commit in wanted:
        lock: Lock | errors.LockError
        if commit is None:
            lock = lock_file.read(project.repo.root, project.config)
        else:
            lock = of_commits[commit]
        if isinstance(lock, errors.LockError):
            raise lock
        for artifact in lock.artifacts:
            found.setdefault(artifact.hash, artifact)
    return list(found.values())


def unreadable(project: Project, commits: Iterable[str]) -> dict[str, errors.LockError]:
    """The commits whose lock cannot be read, with the error: their data is unknown, and must not keep back
    the data of others."""
    found: dict[str, errors.LockError] = {}
    for commit, lock in locks(project, commits).items():
        if isinstance(lock, errors.LockError):
            found[commit] = lock
    return found


def locks(project: Project, commits: Iterable[str]) -> dict[str, Lock | errors.LockError]:
    """The lock of each commit, or the error of reading it. Without a lock file: an empty lock.

    That of a record commit has among its outs what the run has logged.
    """
    wanted = list(dict.fromkeys(commits))
    if not wanted:
        return {}
    name, folder = lock_file.path_of(project.config), project.config.folder
    found = _locks_at(project, wanted, name, folder)
    for commit, logged in _locks_at(project, wanted, _LOGGED, ARTIFACTS).items():
        lock = found[commit]
        if isinstance(logged, errors.LockError):
            found[commit] = logged
        elif logged.outs and isinstance(lock, Lock):
            outs = dict(lock.outs)
            for path, artifact in logged.outs.items():
                outs[f"{ARTIFACTS}/{path}"] = artifact._replace(path=f"{ARTIFACTS}/{path}")
            found[commit] = lock._replace(outs=outs)
    return found


def _locks_at(
    project: Project, commits: Sequence[str], name: str, folder: str
) -> dict[str, Lock | errors.LockError]:
    texts = project.repo.read_blobs([f"{commit}:{name}" for commit in commits])
    read: dict[bytes | None, Lock | errors.LockError] = {None: Lock()}
    found: dict[str, Lock | errors.LockError] = {}
    for commit, text in zip(commits, texts, strict=True):
        if text not in read:  # many commits have the same lock
            try:
                read[text] = read_lock(f"{name} ({commit[:7]})", text or b"", folder)
            except errors.LockError as error:
                read[text] = error
        found[commit] = read[text]
    return found


def lock_at(project: Project, point: Point) -> Lock:
    """The lock at a point; an empty one for a missing or unreadable lock."""
    if point.commit is not None:
        lock = locks(project, [point.commit])[point.commit]
        return Lock() if isinstance(lock, errors.LockError) else lock
    with contextlib.suppress(errors.LockError):
        return lock_file.read(project.repo.root, project.config)
    return Lock()
