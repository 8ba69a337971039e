"""What a run of stages has to be told while it goes on, so that any process can finish it after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gitexp.model import Artifact
from gitexp.pipeline.lock import Lock
from gitexp.pipeline.stage import Stage
from gitexp.pipeline.state import StageResult


class Journal(Protocol):
    """The diary of one run of stages. `gitexp.runs.journal` keeps it on disk."""

    def lock_changed(self, lock: Lock) -> None:
        """Write down the lock of this run; the workspace's own lock may be changed by others meanwhile."""

    def outs_right(self, stage: Stage) -> None:
        """Count a stage's outs as results of this run, whenever they were written."""

    def set_aside(self, artifact: Artifact) -> None:
        """Have gc keep an artifact that a stage replaces and that no run has made."""

    def stage_ended(self, result: StageResult, put_back: Sequence[str]) -> None:
        """Write down what became of a stage.

        `put_back` are paths of outs that were put back as they were before the stage: they are no results.
        """
