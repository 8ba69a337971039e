"""`gitexp.lock`: what each stage read and wrote when it last ran, and the data that no stage makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitexp.model import Artifact, Flat

LOCK_FILE = "gitexp.lock"


@dataclass(frozen=True, slots=True)
class LockedStage:
    """One stage as it ran: `params` are flat values by file. All paths are relative to the root."""

    commands: tuple[str, ...]
    wdir: str = ""
    deps: tuple[Artifact, ...] = ()
    params: Mapping[str, Flat] = field(default_factory=dict)
    outs: tuple[Artifact, ...] = ()


@dataclass(frozen=True, slots=True)
class Lock:
    """The whole file: stages by name, added data by path."""

    stages: Mapping[str, LockedStage] = field(default_factory=dict)
    data: Mapping[str, Artifact] = field(default_factory=dict)

    @property
    def artifacts(self) -> list[Artifact]:
        """All that must be in a store for this lock to be whole: data and outs, not deps."""
        outs = [out for stage in self.stages.values() for out in stage.outs]
        return [*self.data.values(), *outs]
