"""Artifacts brought into a workspace from the object store or, if need be, from the data remote."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from gitexp.datasets import lock_file
from gitexp.model import Artifact, paths_of
from gitexp.objects.disk import COPIES
from gitexp.objects.place import place
from gitexp.objects.plan import missing
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.project.project import Project


def missing_data(project: Project, code: Project, root: Path) -> tuple[Artifact, ...]:
    """The data that the workspace at `root` lacks, from its lock. The config of `code` names the data.

    Raises LockError; MissingData for data that cannot be brought.
    """
    data = lock_file.read(root, code.config).data
    wanted = list[Artifact]()
    for path in code.config.data:
        if path in data and not os.path.lexists(root / path):
            wanted.append(data[path])
    if gone := absent(project, root, wanted):
        raise missing(paths_of(gone))
    return tuple(wanted)


def absent(project: Project, root: Path, artifacts: Sequence[Artifact]) -> list[Artifact]:
    """The artifacts neither in the store nor on the data remote. Artifacts on the remote are fetched."""
    with StatCache(project.local.stat_cache) as cache:
        return Restorer(project, root, cache).absent(artifacts)


def bring(
    project: Project, root: Path, artifacts: Sequence[Artifact], *, editable: Sequence[str] = ()
) -> None:
    """Place artifacts in the workspace at `root`; never as links at the paths `editable`.

    Raises the errors of `objects.place.place`.
    """
    with StatCache(project.local.stat_cache) as cache:
        Restorer(project, root, cache).bring(artifacts, in_git=editable)


class Restorer:
    """Brings artifacts into one workspace. Overwritten files are in the store afterwards."""

    def __init__(self, project: Project, root: Path, cache: StatCache) -> None:
        self._project = project
        self._root = root
        self._cache = cache
        self.store = ObjectStore(project.local.objects)

    def absent(self, artifacts: Iterable[Artifact]) -> list[Artifact]:
        """The artifacts neither in the store nor on the data remote. Artifacts on the remote are fetched."""
        from gitexp.datasets.sync import fetch, sizes_of  # most runs bring no data, and need no remotes

        wanted = list(artifacts)
        failed = fetch(self._project, sizes_of(wanted))
        return [artifact for artifact in wanted if artifact.hash in failed]

    def bring(self, artifacts: Sequence[Artifact], *, in_git: Iterable[str] = ()) -> None:
        """Place artifacts; never as links at the paths `in_git`. Raises the errors of
        `objects.place.place`."""
        small = set(in_git)
        for artifact in artifacts:
            links = COPIES if artifact.path in small else self._project.config.link
            place(self.store, self._root, artifact, links, self._cache, force=True)
