"""The part of `gitexp run` that is about stages; a run of a command does not load it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from gitexp.cli.commands.running import status
from gitexp.cli.kit.terminal import render
from gitexp.pipeline.graph import Graph
from gitexp.pipeline.state import Reason, StageResult, StageSelection, StageState, sentence
from gitexp.project.project import Project
from gitexp.stages.execute import StageListener
from gitexp.stages.status import status as status_of
from gitexp.times import show_duration


def require(project: Project, names: Sequence[str]) -> None:
    """Raise UnknownStage for a name of no stage, ConfigError or ParseError for stages that are wrong."""
    pipeline = project.pipeline()
    assert pipeline is not None  # the caller has seen stages in the config
    Graph(pipeline).select(names)


def selection(names: Sequence[str], flags: Mapping[str, bool], jobs: int) -> StageSelection:
    """The named stages, with the flags of the command line."""
    return StageSelection(tuple(names), jobs=jobs, **flags)


def dry_run(project: Project, selection: StageSelection, overrides: Sequence[str], *, json: bool) -> None:
    """Print what would become of each stage."""
    found = status_of(project, selection, overrides, ask_servers=True)
    status.tell(found, project.typed, json=json)


def listener(*, quiet: bool) -> StageListener:
    """The listener that prints a line at the beginning of a stage, and another at its end."""

    def begins(name: str, why: Sequence[Reason], at: int, of: int) -> None:
        with contextlib.suppress(OSError):
            render.say(f"[{at}/{of}] {name}: {sentence(why)}")

    def ends(result: StageResult, at: int, of: int) -> None:
        text = result.text
        if result.state is StageState.RAN:
            text = f"done in {show_duration(result.seconds or 0)}"
        with contextlib.suppress(OSError):
            render.say(f"[{at}/{of}] {result.name}: {text}", "red" if result.error else "dim")

    return StageListener() if quiet else StageListener(begins, ends)
