"""`gitexp status`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated

from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.datasets.workspace import DataState
from gitexp.pipeline.state import StageSelection
from gitexp.stages.status import WorkspaceStatus, status
from gitexp.views import markup
from gitexp.views.markup import TableFormat
from gitexp.words import clean

EPILOG = """Examples:
gitexp status
gitexp status train evaluate
gitexp status --json
"""


Stages = Annotated[
    list[str] | None,
    options.stages("[STAGE]...", "These and what they stand on; default: all stages."),
]


def say(
    stages: Stages = None,
    form: options.AsTable = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Say which stages and data have changed, and what a run would do.

    Nothing is run, and no data remote on a server is asked; gitexp run --dry-run asks.
    """
    project = open_project(needs_config=True, quiet=quiet)
    options.only_one(json=json, format=form is not None)
    found = status(project, StageSelection(tuple(stages or ())))
    tell(found, project.typed, form, quiet=quiet, json=json)


register = registration(say, EPILOG, "status")


def tell(
    found: WorkspaceStatus,
    typed: Callable[[str], str],
    form: TableFormat | None = None,
    *,
    quiet: bool = False,
    json: bool,
) -> None:
    """Print a line for each stage, each piece of data and each large result.

    `typed` gives a path as it stands in a command.
    """
    render.warn_all(found.notes)
    if json:
        return render.as_json(found.as_json())
    texts = [(stage.name, stage.text) for stage in found.stages]
    for path, state in found.data.items():
        texts.append((path, _of_data(path, state, found, typed)))
    for path, state in found.large.items():
        texts.append((path, _of_result(path, state, typed)))
    if form is not None:
        return render.answer(markup.table(form, ["name", "state"], texts))
    if not texts and quiet:
        return None
    if not texts:
        return render.say("There are no stages here, no data and no large results.")
    return render.answer(_lines(texts))


def _lines(texts: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Names and texts in two columns."""
    width = max(render.cell_width(clean(name)) for name, _ in texts)
    for name, text in texts:
        gap = 2 + width - render.cell_width(clean(name))
        yield clean(name) + " " * gap + clean(text)


def _of_data(path: str, state: DataState, found: WorkspaceStatus, typed: Callable[[str], str]) -> str:
    name = typed(path)
    if state is DataState.CHANGED:
        files = ""
        if path in found.files:
            files = f" ({found.files[path].text})"
        return f"changed{files}: gitexp add {name} keeps that, gitexp checkout {name} takes it back"
    if state is DataState.NOT_ADDED:
        return f"not added: gitexp add {name}"
    if state is DataState.MISSING:
        return f"missing: gitexp checkout {name}"
    if state is DataState.RESTORABLE:
        return "missing, would be restored"
    return str(state)


def _of_result(path: str, state: DataState, typed: Callable[[str], str]) -> str:
    if state is DataState.CHANGED:
        return "changed since the last run"
    if state is DataState.MISSING:
        return f"missing: gitexp checkout {typed(path)}"
    return str(state)
