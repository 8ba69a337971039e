"""The outs of stages: room is made for them before their commands run, and they are stored afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.data.failures import translated
from gitexp.data.private import make_private
from gitexp.data.stat_cache import StatCache
from gitexp.failpoints import failpoint
from gitexp.model import Artifact
from gitexp.ops.restore import Restorer
from gitexp.pipeline.stage import Out, Stage


class StageOuts:
    """The outs in one workspace. `damaged` are objects in the store that have turned out to be so."""

    def __init__(self, root: Path, restorer: Restorer, cache: StatCache) -> None:
        self.damaged: set[str] = set()
        self._root = root
        self._restorer = restorer
        self._store = restorer.store
        self._cache = cache
        self._removed: dict[str, list[Artifact]] = {}

    def make_room(self, stage: Stage, found: Mapping[str, Artifact | None]) -> None:
        """Remove a stage's outs, so that what is there afterwards is its own; what is known nowhere else is
        put in the store before. Those that persist are its own to write to from now on.

        Raises UnstorableData for what the store cannot hold, DamagedObject, StorageError or DiskFull.
        """
        for out in stage.outs:
            path = self._root / out.path
            with translated(f"{out.path} could not be removed"):
                if out.persist:
                    make_private(self._store, self._root, out.path, self._cache)
                elif path.is_symlink():  # DVC's, into its cache: what it leads to stays
                    path.unlink()
                elif found.get(out.path) is not None:
                    self._remove(stage, out)
                failpoint("stages:removed")
                path.parent.mkdir(parents=True, exist_ok=True)

    def _remove(self, stage: Stage, out: Out) -> None:
        path = self._root / out.path
        # It refuses what it cannot hold, and so would lose.
        artifact = self._store.add(self._root, out.path, self._cache, verified=True)
        failpoint("stages:kept")
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        if out.in_git:
            self._removed.setdefault(stage.name, []).append(artifact)

    def put_back(self, stage: Stage) -> Sequence[str]:
        """Bring back what was removed for a stage that has failed, and that stands in Git, but where it left
        something; return the paths."""
        back = []
        for artifact in self._removed.pop(stage.name, []):
            if not os.path.lexists(self._root / artifact.path):
                with contextlib.suppress(errors.GitexpError):  # that the stage has failed is what counts
                    self._restorer.bring([artifact], in_git=[artifact.path])
                    back.append(artifact.path)
                    failpoint("stages:back")
        return back

    def stored(self, stage: Stage) -> tuple[Artifact, ...]:
        """Put a stage's outs in the store, in place of objects there that are damaged; return them by path.

        Raises UnsafePath, UnstorableData, StorageError or DiskFull.
        """
        artifacts = self._add(stage)
        if self.damaged:
            contents = {hash_ for each in artifacts for hash_ in self._store.contents(each.hash)}
            for hash_ in contents & self.damaged:
                self._store.remove(hash_)
            self.damaged -= contents
            artifacts = self._add(stage)
        return tuple(sorted(artifacts, key=lambda artifact: artifact.path))

    def _add(self, stage: Stage) -> list[Artifact]:
        return [self._store.add(self._root, out.path, self._cache) for out in stage.outs]
