"""The files that differ between two versions of a data folder."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.datasets.workspace import WorkspaceData
from gitexp.model import Artifact
from gitexp.objects.manifest import Manifest
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project


@dataclass(frozen=True, slots=True)
class FileChanges:
    """The files with different content in two versions of a folder: paths in the folder, sorted."""

    new: Sequence[str] = ()
    changed: Sequence[str] = ()
    gone: Sequence[str] = ()

    @classmethod
    def of(cls, old: Manifest, new: Manifest) -> FileChanges:
        """The files that differ from `old` to `new`."""
        before = {file.path: file for file in old.files}
        added, changed = list[str](), list[str]()
        for file in new.files:
            former = before.pop(file.path, None)
            if former is None:
                added.append(file.path)
            elif former != file:
                changed.append(file.path)
        return cls(added, changed, list(before))

    @property
    def text(self) -> str:
        """The number of files of each kind: "2 new, 1 gone"."""
        parts = {"new": self.new, "changed": self.changed, "gone": self.gone}
        return ", ".join(f"{len(files):,} {kind}" for kind, files in parts.items() if files)

    def as_json(self) -> dict[str, list[str]]:
        """The changes as in `--json`."""
        return {"new": list(self.new), "changed": list(self.changed), "gone": list(self.gone)}


def manifest_of(project: Project, artifact: Artifact | None) -> Manifest | None:
    """The manifest of a folder; None for a file, and if the manifest is absent or damaged."""
    if artifact is None or not artifact.is_folder:
        return None
    with contextlib.suppress(errors.GitexpError):
        return ObjectStore(project.local.objects).manifest(artifact.hash)
    return None


def changed_here(project: Project, data: WorkspaceData, locked: Artifact) -> FileChanges | None:
    """The files of a folder in the workspace that differ from the lock; None if not known."""
    before = manifest_of(project, locked)
    if before is None:
        return None
    found = data.scanned(locked.path)
    if found is None or found.manifest is None:
        return None
    return FileChanges.of(before, found.manifest)
