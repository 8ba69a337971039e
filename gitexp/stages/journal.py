"""The diary of a run of stages, so that any process can finish the run after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gitexp.model import Artifact
from gitexp.pipeline.lock import Lock
from gitexp.pipeline.stage import Stage
from gitexp.pipeline.state import StageResult


class Journal(Protocol):
    """The diary; `gitexp.runs.journal` keeps it on disk."""

    def lock_changed(self, lock: Lock) -> None:
        """Write down the lock of this run; the workspace's own lock may be changed by others meanwhile."""

    def outs_right(self, stage: Stage) -> None:
        """Count a stage's outs as results of this run, whenever they were written."""

    def set_aside(self, artifact: Artifact) -> None:
        """Keep an artifact from gc: a stage replaces it, and no run has made it."""

    def stage_ended(self, result: StageResult, put_back: Sequence[str]) -> None:
        """Write down the result of a stage.

        `put_back` are paths of outs with their content from before the stage: they are no results.
        """
