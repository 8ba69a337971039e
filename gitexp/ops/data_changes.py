"""What differs in the data of two points: what their gitexp.lock names, outs of stages too."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.model import Artifact
from gitexp.ops import lock_file
from gitexp.ops.lookup import Point
from gitexp.ops.project import Project
from gitexp.pipeline.lock import Lock, read_lock


@dataclass(frozen=True, slots=True)
class DataChange:
    """One artifact as it is on either side; None where it is not there."""

    path: str
    old: Artifact | None
    new: Artifact | None


@dataclass(frozen=True, slots=True)
class DataChanges:
    """All that differ, by path, and whatever either side has under content addresses."""

    changes: Sequence[DataChange]
    _known: frozenset[str]

    def speaks_of(self, path: str) -> bool:
        """Return whether a file is one of the artifacts, or lies in one, or is what names them."""
        parts = path.split("/")
        return any("/".join(parts[:end]) in self._known for end in range(1, len(parts) + 1))


def data_changes(project: Project, old: Point, new: Point) -> DataChanges:
    """Return how the data of two points differs; the workspace has what its gitexp.lock says.

    A lock that cannot be read says nothing here.
    """
    path = lock_file.path_of(project.config)
    before, after = (
        {artifact.path: artifact for artifact in lock_at(project, point).artifacts}
        for point in (old, new)
    )
    pairs = [(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
    changes = [DataChange(*pair) for pair in pairs if _content(pair[1]) != _content(pair[2])]
    known = frozenset({*before, *after, path} if before or after else ())
    return DataChanges(changes, known)


def lock_at(project: Project, point: Point) -> Lock:
    """Return what gitexp.lock says at a point; an empty one where there is none that can be read."""
    path = lock_file.path_of(project.config)
    with contextlib.suppress(errors.LockError):
        if point.commit is None:
            return lock_file.read(project.repo.root, project.config)
        (data,) = project.repo.read_blobs([f"{point.commit}:{path}"])
        return read_lock(path, data or b"", project.config.folder)
    return Lock()


def _content(artifact: Artifact | None) -> tuple[str, bool] | None:
    return None if artifact is None else (artifact.hash, artifact.executable)
