"""Runs of stages that DVC has written down in a dvc.lock, as entries of a gitexp.lock.

An entry is taken for a run on the present inputs only if the command, the params and the MD5 of every input
are those of the dvc.lock.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from gitexp import errors
from gitexp.datasets.dvc_objects import DvcObjects
from gitexp.files.dvc_lock import DvcEntry, DvcStage, read_stages
from gitexp.files.dvc_yaml import DVC_LOCK
from gitexp.files.limits import read_if_there
from gitexp.model import Artifact, Flat
from gitexp.objects import md5 as md5s
from gitexp.objects.manifest import File
from gitexp.pipeline.lock import LockedStage
from gitexp.pipeline.stage import Stage
from gitexp.pipeline.state import changes
from gitexp.stages.stage_data import UNSTORABLE, StageData

_UNKNOWN = "0" * 64  # in place of the hash of an input that nobody has any more


def beside(root: Path, folder: str, standing: StageData, objects: DvcObjects) -> DvcRuns | None:
    """The runs in the dvc.lock of a project; None for a project without DVC."""
    if not (root / folder / DVC_LOCK).is_file() or not objects.is_used:
        return None
    return DvcRuns(root, folder, standing, objects)


class DvcRuns:
    """The stages in the dvc.lock beside the pipeline of a workspace.

    Attributes:
        complaints: sentences about what cannot be used of the dvc.lock.
    """

    def __init__(self, root: Path, folder: str, standing: StageData, objects: DvcObjects) -> None:
        self._root = root
        self._name = posixpath.join(folder, DVC_LOCK)
        self._standing = standing
        self._objects = objects
        self.complaints: list[str] = []

    @cached_property
    def stages(self) -> Mapping[str, DvcStage]:
        """The stages of the dvc.lock by name; none of a file that cannot be read."""
        try:
            return read_stages(self._name, read_if_there(self._root / self._name) or b"")
        except OSError as error:
            self.complaints.append(f"{self._name} cannot be read: {error.strerror}")
        except errors.FileError as error:
            self.complaints.append(f"not used: {error.message}")
        return {}

    def same(self, stage: Stage, now: LockedStage) -> LockedStage | None:
        """The run of a stage on its present inputs `now`; None if the dvc.lock has another run, or if its
        outs are not to be had."""
        if stage.name not in self.stages or stage.always_changed:
            return None
        found = self.run_of(stage)
        if found is None or set(now.deps) != set(found.deps) or changes(now, found):
            return None
        return found

    def run_of(self, stage: Stage) -> LockedStage | None:
        """The run of a stage in the dvc.lock, with the artifacts of its outs; None without one of them.

        An input that has changed since, and is nowhere to be had, has a hash that no artifact has.
        """
        there = self.stages.get(stage.name)
        if there is None:
            return None
        try:
            deps, outs = there.read(stage.wdir)
            params = there.values(stage.wdir)
        except errors.ParseError as error:
            self.complaints.append(f"{stage.name} is not taken over: {error.message}")
            return None
        made = self._outs(stage, outs)
        if made is None:
            return None
        read = tuple(self._dep(path, deps.get(path)) for path in sorted(stage.deps))
        return LockedStage(there.commands, stage.wdir, read, _of_stage(stage, params), made)

    def _outs(self, stage: Stage, named: Mapping[str, DvcEntry]) -> tuple[Artifact, ...] | None:
        if set(named) != set(stage.out_paths):
            return None  # of another version of the stage
        found, absent = list[Artifact](), list[str]()
        for path, entry in named.items():
            artifact = self.content_of(entry)
            if artifact is None:
                absent.append(path)
            else:
                found.append(artifact)
        if absent:
            names = ", ".join(absent)
            self.complaints.append(f"{stage.name}: not here as in {self._name}, nor in DVC's cache: {names}")
            return None
        return tuple(sorted(found, key=lambda out: out.path))

    def _dep(self, path: str, entry: DvcEntry | None) -> Artifact:
        if entry is None:
            return Artifact(path, _UNKNOWN, 0)
        found = self._present(path, entry, read_only=True) or self._objects.artifact(entry)
        if found is not None:
            return found
        if entry.is_folder:
            return Artifact(path, f"{_UNKNOWN}.dir", entry.size or 0, 0)
        return Artifact(path, _UNKNOWN, entry.size or 0)

    def content_of(self, entry: DvcEntry) -> Artifact | None:
        """The artifact with the content of an entry, in the workspace or in DVC's cache; None without it.

        Raises the errors of `ObjectStore.add`.
        """
        artifact = self._present(entry.path, entry)
        if artifact is None:
            return self._objects.artifact(entry)
        self._take_note(entry.path)
        return artifact

    def _take_note(self, path: str) -> None:
        scanned = self._standing.scanned(path)
        if scanned is not None:
            self._objects.take_note(self._root, scanned, self._standing.cache)

    # -- the workspace ----------------------------------------------------------------------------

    def _present(self, path: str, entry: DvcEntry, *, read_only: bool = False) -> Artifact | None:
        """The artifact in the workspace if it has the MD5 of an entry."""
        for part in (read_only, False):
            found = self._standing.artifact(path, read_only=part)
            if found is None or found.hash == UNSTORABLE or found.is_folder != entry.is_folder:
                return None
            if self._has_md5(path, found, entry, read_only=part):
                return self._standing.artifact(path, read_only=read_only)
        return None

    def _has_md5(self, path: str, found: Artifact, entry: DvcEntry, *, read_only: bool) -> bool:
        if not entry.md5 or (entry.size is not None and entry.size != found.size and not entry.legacy):
            return False
        if not found.is_folder:
            return entry.md5 in self._md5s(path, found.hash)
        scanned = self._standing.scanned(path, read_only=read_only)
        if scanned is None or scanned.manifest is None:
            return False
        listed = [(file, self._md5s(f"{path}/{file.path}", file.hash)) for file in scanned.manifest.files]
        if any(not known or file.link for file, known in listed):
            return False
        ways = (0, -1) if entry.legacy else (0,)
        return any(_folder(listed, at) == entry.md5 for at in ways)

    def _md5s(self, path: str, hash_: str) -> tuple[str, ...]:
        """The MD5 of a file of the workspace with this SHA-256, and with plain line ends; () if it has
        changed."""
        known = self._objects.md5s(hash_)
        if known:
            return tuple(known)
        try:
            both = md5s.read_both(self._root / path)
        except (OSError, errors.UnstorableData):
            return ()
        if both.read.hash != hash_:
            return ()
        self._objects.note([both])
        return tuple(self._objects.md5s(hash_))


def _folder(listed: list[tuple[File, tuple[str, ...]]], at: int) -> str:
    return md5s.of_folder((file.path, known[at]) for file, known in listed)


def _of_stage(stage: Stage, params: Mapping[str, Flat]) -> dict[str, Flat]:
    """The values of the params files that a stage names; DVC's lists have no others."""
    return {wanted.file: params.get(wanted.file, {}) for wanted in stage.params}
