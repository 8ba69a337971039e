"""Artifacts brought from the object store into a workspace, and before from the data remote if need be."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from gitexp.datasets import lock_file
from gitexp.model import Artifact
from gitexp.objects.disk import COPIES
from gitexp.objects.place import place
from gitexp.objects.plan import missing
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project


def missing_data(project: Project, code: Project, root: Path) -> tuple[Artifact, ...]:
    """Return the data, as the lock of a workspace has it, that is not there; `code` is whose config counts.

    Raises LockError, or MissingData if some of it cannot be brought.
    """
    data = lock_file.read(root, code.config).data
    wanted = [data[path] for path in code.config.data if path in data and not os.path.lexists(root / path)]
    if gone := absent(project, root, wanted):
        raise missing([artifact.path for artifact in gone])
    return tuple(wanted)


def absent(project: Project, root: Path, artifacts: Sequence[Artifact]) -> list[Artifact]:
    """Return those whose content is neither in the store nor to be fetched from the data remote."""
    with StatCache(project.local.stat_cache) as cache:
        return Restorer(project, root, cache).absent(artifacts)


def bring(
    project: Project, root: Path, artifacts: Sequence[Artifact], *, editable: Sequence[str] = ()
) -> None:
    """Place artifacts in the workspace at `root`, those at the paths `editable` never as links.

    Raises what `data.place.place` raises.
    """
    with StatCache(project.local.stat_cache) as cache:
        Restorer(project, root, cache).bring(artifacts, in_git=editable)


class Restorer:
    """Brings artifacts into one workspace. What is overwritten is in the store afterwards."""

    def __init__(self, project: Project, root: Path, cache: StatCache) -> None:
        self._project = project
        self._root = root
        self._cache = cache
        self.store = ObjectStore(project.local.objects)

    def absent(self, artifacts: Iterable[Artifact]) -> list[Artifact]:
        """Return those that cannot be brought, because their content is neither here nor to be fetched."""
        wanted = list(artifacts)
        sizes = {each.hash: None if each.is_folder else each.size for each in wanted}
        from gitexp.datasets.sync import fetch  # most runs bring no data, and need no remotes

        failed = fetch(self._project, sizes)
        return [artifact for artifact in wanted if artifact.hash in failed]

    def bring(self, artifacts: Sequence[Artifact], *, in_git: Iterable[str] = ()) -> None:
        """Place artifacts; those `in_git` are never links. Raises what `data.place.place` raises."""
        small = set(in_git)
        for artifact in artifacts:
            links = COPIES if artifact.path in small else self._project.config.link
            place(self.store, self._root, artifact, links, self._cache, force=True)
