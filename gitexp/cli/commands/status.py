"""`gitexp status`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.session import open_project
from gitexp.pipeline.state import StageSelection
from gitexp.stages.status import DataState, WorkspaceStatus, status
from gitexp.words import clean

EPILOG = """Examples:
gitexp status
gitexp status train evaluate
gitexp status --json
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", cls=Command, epilog=EPILOG)(say)


def say(
    stages: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STAGE]...",
            help="These and what they stand on; default: all stages.",
            autocompletion=options.completed_by("stages"),
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Say which stages and data have changed, and what a run would do.

    Nothing is run, and no server is asked what a data remote has; gitexp run --dry-run asks.
    """

    project = open_project(needs_config=True)
    show(status(project, StageSelection(tuple(stages or ()))), project.typed, json=json)


def show(found: WorkspaceStatus, typed: Callable[[str], str], *, json: bool) -> None:
    """Print what a run would find: one line for each stage, each piece of data and each large result.

    `typed` gives a path as it stands in a command.
    """

    for note in found.notes:
        render.warn(note)
    if json:
        render.as_json(found.as_json())
        return
    lines = [(stage.name, stage.text) for stage in found.stages]
    for path, state in found.data.items():
        name = typed(path)
        differing = f" ({found.files[path].text})" if path in found.files else ""
        text = {
            DataState.CHANGED: f"changed{differing}: gitexp add {name} keeps that, "
            f"gitexp checkout {name} takes it back",
            DataState.NOT_ADDED: f"not added: gitexp add {name}",
            DataState.MISSING: f"missing: gitexp checkout {name}",
            DataState.RESTORABLE: "missing, would be restored",
        }
        lines.append((path, text.get(state, str(state))))
    for path, state in found.large.items():
        text = {
            DataState.CHANGED: "changed since the last run",
            DataState.MISSING: f"missing: gitexp checkout {typed(path)}",
        }
        lines.append((path, text.get(state, str(state))))
    width = max((render.cell_width(clean(name)) for name, _ in lines), default=0)
    gaps = [" " * (2 + width - render.cell_width(clean(name))) for name, _ in lines]
    render.answer(f"{clean(name)}{gap}{clean(text)}" for (name, text), gap in zip(lines, gaps, strict=True))
    if not lines:
        render.say("There are no stages here, no data and no large results.")
