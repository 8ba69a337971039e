"""Runs of stages that DVC has written down in a dvc.lock, as entries of a gitexp.lock.

An entry is taken for a run on the present inputs only if the command, the params and the MD5 of every input
are those of the dvc.lock.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

from gitexp import errors
from gitexp.datasets.dvc_objects import DvcObjects
from gitexp.files.dvc_lock import DvcEntry, DvcStage, read_stages
from gitexp.files.dvc_yaml import DVC_LOCK
from gitexp.files.limits import read_if_there
from gitexp.model import Artifact, Flat
from gitexp.pipeline.lock import LockedStage
from gitexp.pipeline.stage import Stage
from gitexp.pipeline.state import changes
from gitexp.stages.dvc_content import WorkspaceContent
from gitexp.stages.stage_data import StageData

_UNKNOWN = "0" * 64  # in place of the hash of an input that nobody has any more


def beside(root: Path, folder: str, standing: StageData, objects: DvcObjects) -> DvcRuns | None:
    """The runs in the dvc.lock of a project; None for a project without DVC."""
    if not (root / folder / DVC_LOCK).is_file() or not objects.is_used:
        return None
    name = posixpath.join(folder, DVC_LOCK)
    return DvcRuns(name, lambda: read_if_there(root / name), WorkspaceContent(root, standing, objects))


class DvcContent(Protocol):
    """What the entries of DVC's files mean in one workspace or commit."""

    def content_of(self, entry: DvcEntry) -> Artifact | None:
        """The artifact with the content of an out or of data; None without the content."""

    def dep(self, entry: DvcEntry) -> Artifact | None:
        """The artifact with the content of an input, as gitexp counts it; None without the content."""


class DvcRuns:
    """The stages in the dvc.lock beside the pipeline of a workspace.

    Attributes:
        complaints: sentences about what cannot be used of the dvc.lock.
    """

    def __init__(self, name: str, read: Callable[[], bytes | None], content: DvcContent) -> None:
        """`name` is the path of the dvc.lock, `read` gives its text, `content` what its entries mean."""
        self._name = name
        self._read = read
        self._content = content
        self.complaints: list[str] = []

    @cached_property
    def stages(self) -> Mapping[str, DvcStage]:
        """The stages of the dvc.lock by name; none of a file that cannot be read."""
        try:
            return read_stages(self._name, self._read() or b"")
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
        try:
            found = self.run_of(stage)
        except errors.DataError as error:  # content that cannot be stored, like a link
            self.complaints.append(f"{stage.name} is not taken over: {error.message}")
            return None
        if found is None or changes(now, found):
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
            artifact = self._content.content_of(entry)
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
        found = self._content.dep(entry)
        if found is not None:
            return found
        if entry.is_folder:
            return Artifact(path, f"{_UNKNOWN}.dir", entry.size or 0, 0)
        return Artifact(path, _UNKNOWN, entry.size or 0)


def _of_stage(stage: Stage, params: Mapping[str, Flat]) -> dict[str, Flat]:
    """The values of the params files that a stage names; DVC's lists have no others."""
    return {wanted.file: params.get(wanted.file, {}) for wanted in stage.params}
