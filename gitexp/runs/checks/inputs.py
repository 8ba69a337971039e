"""The inputs of a command beside its code: data, and earlier results too large for Git.

An isolated run has them brought from the object store. Most projects have neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from gitexp.datasets import bring, present
from gitexp.datasets import large_results as results
from gitexp.datasets.present import PresentData
from gitexp.model import Artifact, paths_of
from gitexp.pipeline.paths import lock_path
from gitexp.project.project import Project, read
from gitexp.regex import regex
from gitexp.runs.ready import PlainCommand, Work
from gitexp.words import shorten

_HAS_OUTS = regex(rb"^outs:", re.MULTILINE)  # of a lock; most have none, and reading it whole is slower


def data(project: Project, code: Project, root: Path, work: Work) -> tuple[Artifact, ...]:
    """The data missing in an isolated workspace; none for stages, which bring their own.

    Raises LockError, or MissingData for data nobody has.
    """
    if not code.config.data or not isinstance(work, PlainCommand):
        return ()
    return bring.missing_data(project, code, root)


def present_data(project: Project) -> PresentData:
    """Store the changed data of the workspace; raises the errors of `present.store`."""
    if not project.config.data:
        return PresentData()
    return present.store(project)


def lock_of(project: Project, data: PresentData) -> dict[str, bytes]:
    """The text of gitexp.lock for a snapshot, by its path, if it differs from the text on disk."""
    if not data.lock:
        return {}
    return {lock_path(project.config.folder): data.lock}


def locked(code: Project, root: Path, now: bytes | None = None) -> bytes:
    """The lock of a workspace without the results of earlier runs, if anything is left.

    `now` is a text in place of the text on disk.
    """
    lock = now or read(root / lock_path(code.config.folder))
    if lock is None or not _HAS_OUTS.search(lock):
        return lock or b""
    return results.without_outs(lock, code.config)


def large_results(code: Project, root: Path) -> list[Artifact]:
    """The results of an earlier run in the lock of a workspace."""
    lock = read(root / lock_path(code.config.folder))
    if lock is None or not _HAS_OUTS.search(lock):
        return []
    return results.locked(root, code.config)


def unchanged(project: Project, large: Sequence[Artifact]) -> list[Artifact]:
    """The results that stand in the workspace as the lock says."""
    if not large:
        return []
    return results.unchanged(project, project.repo.root, large)


def available(
    project: Project, root: Path, large: Sequence[Artifact]
) -> tuple[list[Artifact], tuple[str, ...]]:
    """The results that can be brought to an isolated workspace, and a warning about the others."""
    if not large:
        return [], ()
    absent = bring.absent(project, root, large)
    if not absent:
        return list(large), ()
    told = f"not there at the start, for its content is nowhere to be had: {shorten(paths_of(absent))}"
    return [artifact for artifact in large if artifact not in absent], (told,)
