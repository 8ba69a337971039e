"""Outs of stages that are not what their stage has written: somebody has worked on them by hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gitexp import errors
from gitexp.data.stat_cache import StatCache
from gitexp.model import Artifact
from gitexp.ops import lock_file
from gitexp.ops.project import Project
from gitexp.ops.standing import Standing
from gitexp.pipeline.lock import Lock


@dataclass(frozen=True, slots=True)
class EditedOuts:
    """The outs that no stage's entry in the lock stands for, and the entries that do not fit any more."""

    paths: Sequence[str] = ()
    stages: Collection[str] = ()


def find(project: Project, stored: Sequence[str]) -> EditedOuts:
    """Return what of the outs in a workspace is other than in its lock; `stored` are those that belong into
    the object store."""
    root = project.repo.root
    try:
        lock = lock_file.read(root, project.config)
    except errors.LockError:  # whoever writes the lock says so
        lock = Lock()
    with StatCache(project.local.stat_cache) as cache:
        standing = Standing(root, cache, lambda name: None, project.repo.has_modes)
        edited = {
            name
            for name, stage in lock.stages.items()
            if any(_is_edited(standing, out) for out in stage.outs)
        }
        known = {out.path for name, stage in lock.stages.items() if name not in edited for out in stage.outs}
        paths = [path for path in stored if path not in known and _is_there(standing, path)]
    return EditedOuts(paths, edited)


def _is_edited(standing: Standing, out: Artifact) -> bool:
    try:
        now = standing.artifact(out.path)
    except errors.UnstorableData:
        return True
    return now is not None and standing.differs(now, out)


def _is_there(standing: Standing, path: str) -> bool:
    try:
        return standing.artifact(path) is not None
    except errors.UnstorableData:  # whoever stores it says why not
        return True
