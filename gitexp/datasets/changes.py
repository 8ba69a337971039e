"""Which files of a data folder differ between two of its versions."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.model import Artifact
from gitexp.objects.manifest import Manifest
from gitexp.objects.scan import scan
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project


@dataclass(frozen=True, slots=True)
class FileChanges:
    """Files by their paths in the folder, sorted."""

    new: Sequence[str] = ()
    changed: Sequence[str] = ()
    gone: Sequence[str] = ()

    @classmethod
    def of(cls, old: Manifest, new: Manifest) -> FileChanges:
        """Return what differs from one version to the other."""
        before, after = ({file.path: file for file in each.files} for each in (old, new))
        return cls(
            [path for path in after if path not in before],
            [path for path, file in after.items() if path in before and before[path] != file],
            [path for path in before if path not in after],
        )

    @property
    def text(self) -> str:
        """How many of each: "2 new, 1 gone"."""
        parts = {"new": self.new, "changed": self.changed, "gone": self.gone}
        return ", ".join(f"{len(files):,} {what}" for what, files in parts.items() if files)

    def as_json(self) -> dict[str, list[str]]:
        """Return the files as `--json` has them."""
        return {"new": list(self.new), "changed": list(self.changed), "gone": list(self.gone)}


def manifest_of(project: Project, artifact: Artifact | None) -> Manifest | None:
    """Return the files of a folder in the store; None for what is no folder, or is not here or damaged."""
    if artifact is None or not artifact.is_folder:
        return None
    with contextlib.suppress(errors.GitexpError):
        return ObjectStore(project.local.objects).manifest(artifact.hash)
    return None


def changed_here(project: Project, cache: StatCache, locked: Artifact) -> FileChanges | None:
    """Return how a folder of the workspace differs from what was locked, None where that is not known."""
    before = manifest_of(project, locked)
    found = scan(project.repo.root, locked.path, cache) if before is not None else None
    if before is None or found is None or found.manifest is None:
        return None
    return FileChanges.of(before, found.manifest)
