"""The flags of `gitexp run` for what begins many runs; plugins of the kind `launcher` get them."""

from __future__ import annotations

from gitexp.named_tuple import NamedTuple
from gitexp.project.sections.engine_choice import EngineChoice


class Many(NamedTuple):
    """The number and kind of runs to begin.

    Attributes:
        jobs: runs at a time; BY_ENGINE: the engine decides.
        repeat: runs of each point, with a seed of its own each; None to run each once, unchanged.
        queue: only store them; somebody else starts them.
        once: do not run points again that an experiment has already.
        retry_failed: run failed and interrupted points again.
        yes: do not ask before very many.
        dry_run: only print the points.
        quiet: say nothing but warnings, and the names and states.
        json: answer with one JSON document.
        trials: the number of trials of a search, in all.
        method: how a search chooses the next trial; "" for the usual way.
        objectives: the metrics that a search makes better.
        engine: the engine that runs them; None for workers of this machine.
    """

    jobs: int
    repeat: int | None
    queue: bool
    once: bool
    retry_failed: bool
    yes: bool
    dry_run: bool
    quiet: bool
    json: bool
    trials: int | None = None
    method: str = ""
    objectives: tuple[str, ...] = ()
    engine: EngineChoice | None = None
