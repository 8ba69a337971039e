"""The user's choice of an engine, on the command line or from Python."""

from __future__ import annotations

from collections.abc import Mapping

from gitexp import errors
from gitexp.named_tuple import NamedTuple

BY_ENGINE = 0  # of runs at a time: as many as the engine takes


class EngineChoice(NamedTuple):
    """The engine chosen to run experiments.

    Attributes:
        name: a key under `engines:` of gitexp.yaml, or a kind of engine.
        options: the engine's options from the command line, before the options of the file.
    """

    name: str
    options: Mapping[str, str] = {}


def chosen(name: str, scheduler: str = "") -> EngineChoice | None:
    """The choice by --engine and --scheduler; None for no engine. Raises UsageError."""
    if not name:
        if scheduler:
            raise errors.UsageError("--scheduler is for an engine.", "Say which: --engine dask")
        return None
    return EngineChoice(name, {"scheduler": scheduler} if scheduler else {})


def at_a_time(jobs: int | None, choice: EngineChoice | None) -> int:
    """The number of runs at a time, from -j or None: without it 1, or BY_ENGINE for a chosen engine."""
    if jobs is not None:
        return jobs
    return 1 if choice is None else BY_ENGINE
