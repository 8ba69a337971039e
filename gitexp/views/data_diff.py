"""The differences in the data of two points: artifacts of gitexp.lock, outs of stages included."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.catalog.lookup import Point, Workspace
from gitexp.datasets import lock_file
from gitexp.datasets.changes import FileChanges, manifest_of
from gitexp.datasets.wanted import lock_at
from gitexp.datasets.workspace import workspace_data
from gitexp.model import Artifact
from gitexp.objects.paths import upward
from gitexp.objects.scan import Scanned
from gitexp.project.project import Project


@dataclass(frozen=True, slots=True)
class DataChange:
    """One artifact with different content on two sides.

    Attributes:
        old, new: the artifact on either side; None if the side does not have it.
        files: the different files of a folder; None if they are not known.
    """

    path: str
    old: Artifact | None
    new: Artifact | None
    files: FileChanges | None = None


@dataclass(frozen=True, slots=True)
class DataChanges:
    """The different artifacts by path, and the paths of all artifacts of either side."""

    changes: Sequence[DataChange]
    _known: frozenset[str]

    def speaks_of(self, path: str) -> bool:
        """Whether a file is an artifact, lies in one, or is gitexp.lock itself."""
        return not self._known.isdisjoint(upward(path))


def data_changes(project: Project, old: Point, new: Point) -> DataChanges:
    """The differences between the artifacts of two points, by gitexp.lock; in the workspace, by the files.

    An unreadable lock counts like an empty one.
    """
    before, after = _contents(project, old), _contents(project, new)
    changes = []
    for path in sorted({*before, *after}):
        change = _change(project, path, before.get(path), after.get(path))
        if change is not None:
            changes.append(change)
    known = {*before, *after}
    if known:
        known.add(lock_file.path_of(project.config))
    return DataChanges(changes, frozenset(known))


def _contents(project: Project, point: Point) -> dict[str, Scanned]:
    """The artifacts of a point by path; of changed data in the workspace also the files of folders."""
    lock = lock_at(project, point)
    found = {}
    for artifact in lock.artifacts:
        found[artifact.path] = Scanned(artifact)
    if isinstance(point.side, Workspace):
        with workspace_data(project) as data:
            for path, locked in lock.data.items():
                with contextlib.suppress(errors.UnstorableData):
                    here = data.scanned(path)
                    # Absent data was not changed: nobody has brought it here yet.
                    if here is None:
                        continue
                    artifact = locked
                    if data.differs(here.artifact, locked):
                        artifact = here.artifact
                    found[path] = Scanned(artifact, here.manifest)
    return found


def _change(project: Project, path: str, old: Scanned | None, new: Scanned | None) -> DataChange | None:
    """The difference of an artifact between two sides, if any."""
    if old is None or new is None:
        return DataChange(path, _artifact(old), _artifact(new))
    if old.artifact.content == new.artifact.content:
        return None
    files = None
    first = old.manifest or manifest_of(project, old.artifact)
    second = new.manifest or manifest_of(project, new.artifact)
    if first is not None and second is not None:
        files = FileChanges.of(first, second)
    return DataChange(path, old.artifact, new.artifact, files)


def _artifact(found: Scanned | None) -> Artifact | None:
    if found is None:
        return None
    return found.artifact
