"""What a case is: one comparison of sides, with its goals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lab import Lab
from benchmarks.measure import Side

GITEXP, DVC, FLOOR, BARE = "gitexp", "dvc", "floor", "bare"


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison; if there is a bare side, its median is taken off gitexp's and DVC's times.

    Goals are seconds and MiB.
    """

    work: str
    sides: Mapping[str, Side]
    floor: str = ""
    goal: float | None = None
    memory_goal: float | None = None


def side_of(lab: Lab, argv: list[str], folder: Path | None = None) -> Side:
    """The side of a command that is the same each time."""
    return Side(lambda: argv, folder or lab.scratch, lab.env)


def slow(lab: Lab, runs: int, *, quick: int = 0) -> int:
    """How many runs what takes half a minute or longer has: fewer, or none, where time is short."""
    return quick if lab.quick else runs
