"""The outs of stages: room is made for them before their commands run, and they are stored afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gitexp import errors
from gitexp.datasets import secrets
from gitexp.datasets.bring import Restorer
from gitexp.failpoints import failpoint
from gitexp.folders import make_folder, remove_folder
from gitexp.model import Artifact
from gitexp.objects.disk import translated
from gitexp.objects.private import make_private
from gitexp.objects.scan import LeftOut
from gitexp.objects.stat_cache import StatCache
from gitexp.pipeline.stage import Out, Stage
from gitexp.words import shorten


class StageOuts:
    """The outs in a workspace.

    `is_known` tells by a hash whether a run has made an artifact; `keep` is called with each replaced
    artifact of other origin. Unstorable files are moved below `aside`. `damaged` has the hashes of
    damaged objects in the store.
    """

    def __init__(
        self,
        root: Path,
        restorer: Restorer,
        aside: Path,
        cache: StatCache,
        is_known: Callable[[str], bool],
        keep: Callable[[Artifact], None],
    ) -> None:
        self.damaged: set[str] = set()
        self._is_known = is_known
        self._keep = keep
        self._said: dict[str, list[str]] = {}
        self._root = root
        self._aside = aside
        self._restorer = restorer
        self._store = restorer.store
        self._cache = cache
        self._removed: dict[str, list[Artifact]] = {}

    def make_room(self, stage: Stage, found: Mapping[str, Artifact | None]) -> None:
        """Remove a stage's outs, so every out after the run comes from the run; the store keeps the content.

        Persistent outs stay, and become writable. Raises UnstorableData, DamagedObject, StorageError or
        DiskFull.
        """
        for out in stage.outs:
            path = self._root / out.path
            with translated(f"could not remove {out.path}"):
                if out.persist:
                    make_private(self._store, self._root, out.path, self._cache)
                elif path.is_symlink():  # into DVC's cache; the target stays
                    path.unlink()
                elif found.get(out.path) is not None:
                    self._remove(stage, out)
                failpoint("stages:removed")
                make_folder(path.parent)

    def _remove(self, stage: Stage, out: Out) -> None:
        path = self._root / out.path
        artifact = self._kept_or_moved(stage, out)
        if artifact is None:
            return
        failpoint("stages:kept")
        if path.is_dir():
            remove_folder(path)
        else:
            path.unlink()
        if out.in_git:
            self._removed.setdefault(stage.name, []).append(artifact)

    def _kept_or_moved(self, stage: Stage, out: Out) -> Artifact | None:
        """Store an out about to be replaced; None for an unstorable out, then moved away."""
        left_out: LeftOut = {}
        try:
            # The content would be lost otherwise.
            artifact = self._store.add(self._root, out.path, self._cache, verified=True, left_out=left_out)
        except errors.UnstorableData as error:
            self._move_away(stage, out, error.message.rstrip("."))
            return None
        for name, why in left_out.items():
            if _has_content(self._root / out.path / name):
                self._move_away(stage, out, why)
                return None
        self._keep_unknown(stage, out, artifact)
        return artifact

    def _move_away(self, stage: Stage, out: Out, why: str) -> None:
        """Move an out that the store cannot hold to a folder of its own."""
        make_folder(self._aside)
        folder = tempfile.mkdtemp(prefix="replaced-", dir=self._aside)
        shutil.move(self._root / out.path, folder)
        place = Path(folder).name
        self._said.setdefault(stage.name, []).append(
            f"{out.path} was there and cannot be stored ({why}): it was moved to .git/gitexp/left/{place}"
        )

    def before_restoring(
        self, stage: Stage, found: Mapping[str, Artifact | None], wanted: Sequence[Artifact]
    ) -> None:
        """Store outs made by no run, before they are replaced; raises the errors of `make_room`.

        A link into DVC's cache is removed; its target stays.
        """
        hashes = {artifact.path: artifact.hash for artifact in wanted}
        for out in stage.outs:
            there = found.get(out.path)
            path = self._root / out.path
            if path.is_symlink():
                with translated(f"could not remove the link {out.path}"):
                    path.unlink()
            elif there is None or there.hash == hashes.get(out.path):
                continue
            elif not self._is_known(there.hash):
                self._kept_or_moved(stage, out)

    def _keep_unknown(self, stage: Stage, out: Out, artifact: Artifact) -> None:
        # An out in Git is small, and as a rule Git has it.
        if not out.in_git and artifact.files != 0 and not self._is_known(artifact.hash):
            self._keep(artifact)
            self._said.setdefault(stage.name, []).append(
                f"{out.path} was there, and no run that is known here has made it; it comes back with: "
                f"gitexp checkout {artifact.hash} {out.path}"
            )

    def warn_of_secrets(self, stage: Stage, outs: Sequence[Artifact]) -> None:
        """Warn of outs in the store that look like a secret."""
        artifacts = [artifact for artifact in outs if artifact.path in stage.in_store]
        found = secrets.warnings(self._root, self._store, artifacts)
        self._said.setdefault(stage.name, []).extend(found)

    def warnings(self, stage: str) -> tuple[str, ...]:
        """The warnings about a stage's outs: replaced content, and secrets."""
        return tuple(dict.fromkeys(self._said.get(stage, ())))

    def put_back(self, stage: Stage) -> list[str]:
        """The paths of outs that were brought back after the failure of a stage.

        Brought back are outs in Git: removed by `make_room`, and not written by the stage.
        """
        back = []
        for artifact in self._removed.pop(stage.name, []):
            if os.path.lexists(self._root / artifact.path):
                continue
            with contextlib.suppress(errors.GitexpError):  # the failure of the stage counts, not this one
                self._restorer.bring([artifact], in_git=[artifact.path])
                back.append(artifact.path)
                failpoint("stages:back")
        return back

    def stored(self, stage: Stage) -> tuple[Artifact, ...]:
        """The present outs of a stage, put in the store, sorted by path.

        They replace damaged objects. An unstorable out is left out, and so are unstorable files in an
        out; a warning names each. Raises StorageError or DiskFull.
        """
        artifacts = self._add(stage)
        if self.damaged:
            contents = set[str]()
            for artifact in artifacts:
                contents.update(self._store.contents(artifact.hash))
            for hash_ in contents & self.damaged:
                self._store.remove(hash_)
            self.damaged -= contents
            artifacts = self._add(stage)
        return tuple(sorted(artifacts, key=lambda artifact: artifact.path))

    def _add(self, stage: Stage) -> list[Artifact]:
        stored = []
        for path in stage.out_paths:
            if not os.path.lexists(self._root / path):
                continue
            left_out: LeftOut = {}
            try:
                stored.append(self._store.add(self._root, path, self._cache, left_out=left_out))
            except (errors.UnstorableData, errors.UnsafePath) as error:
                self._say_not_stored(stage, [path], error.message.rstrip("."))
            for why in dict.fromkeys(left_out.values()):
                names = [f"{path}/{name}" for name, reason in left_out.items() if reason == why]
                self._say_not_stored(stage, names, why)
        return stored

    def _say_not_stored(self, stage: Stage, paths: Sequence[str], why: str) -> None:
        self._said.setdefault(stage.name, []).append(f"not stored: {shorten(paths)}: {why}")


def _has_content(path: Path) -> bool:
    """Whether something would be lost with what stands at a path: not with a pipe, a socket or a link."""
    return not path.is_symlink() and (path.is_dir() or path.is_file())
