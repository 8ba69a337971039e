"""What differs in the data of two points: what their gitexp.lock names, outs of stages too."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.catalog.lookup import Point, Workspace
from gitexp.datasets import lock_file
from gitexp.datasets.changes import FileChanges, manifest_of
from gitexp.datasets.wanted import lock_at
from gitexp.model import Artifact
from gitexp.objects.manifest import Manifest
from gitexp.objects.scan import Scanned, scan
from gitexp.objects.stat_cache import StatCache
from gitexp.project.project import Project


@dataclass(frozen=True, slots=True)
class DataChange:
    """One artifact as it is on either side; None where it is not there.

    `files` are those that differ in a folder, None where that is not known.
    """

    path: str
    old: Artifact | None
    new: Artifact | None
    files: FileChanges | None = None


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
    """Return how the data of two points differs: what their gitexp.lock says, and in the workspace the data
    that is there.

    A lock that cannot be read says nothing here.
    """
    before, after = _contents(project, old), _contents(project, new)
    changes = [
        _change(project, path, before.get(path), after.get(path)) for path in sorted({*before, *after})
    ]
    known = {*before, *after, lock_file.path_of(project.config)} if before or after else ()
    return DataChanges([change for change in changes if change is not None], frozenset(known))


def _contents(project: Project, point: Point) -> dict[str, Scanned]:
    """Return the artifacts of a point by path; with the files of folders for data that stands here."""
    lock = lock_at(project, point)
    found = {artifact.path: Scanned(artifact) for artifact in lock.artifacts}
    if isinstance(point.side, Workspace):
        with StatCache(project.local.stat_cache) as cache:
            for path, locked in lock.data.items():
                with contextlib.suppress(errors.UnstorableData):
                    here = scan(project.repo.root, path, cache)
                    # What is not here at all has not been changed: it has not been brought.
                    if here is not None and not _same_but_mode(project, here.artifact, locked):
                        found[path] = here
    return found


def _same_but_mode(project: Project, here: Artifact, locked: Artifact) -> bool:
    """Return whether a file differs only in what this disk cannot tell."""
    differs = here.executable != locked.executable
    return differs and here.hash == locked.hash and not project.repo.has_modes()


def _change(project: Project, path: str, old: Scanned | None, new: Scanned | None) -> DataChange | None:
    """Return how an artifact differs from one side to the other; None if it does not."""
    before, after = (None if side is None else side.artifact for side in (old, new))
    if _content(before) == _content(after):
        return None
    manifests = [
        side.manifest or manifest_of(project, side.artifact) for side in (old, new) if side is not None
    ]
    match manifests:
        case [Manifest() as first, Manifest() as second]:
            return DataChange(path, before, after, FileChanges.of(first, second))
    return DataChange(path, before, after)


def _content(artifact: Artifact | None) -> tuple[str, bool] | None:
    return None if artifact is None else (artifact.hash, artifact.executable)
