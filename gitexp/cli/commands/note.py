"""`gitexp note`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp.cli import options
from gitexp.cli.help import Command

_ECHOED = 200  # characters of a note, to know it again

EPILOG = """Examples:
gitexp note exp-333c9 -m "best so far; try with more data"
gitexp note exp-333c9
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(note)


def note(
    exp: options.OwnExp,
    text: Annotated[
        str | None,
        typer.Option(
            "--message", "-m", metavar="TEXT", help="The note; empty takes it away. Default: an editor."
        ),
    ] = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Write a note on an experiment, in place of the one it has.

    Without -m Git's editor is opened on the present one (core.editor, GIT_EDITOR, EDITOR).
    """
    from gitexp.cli import editor, render
    from gitexp.cli.session import open_project
    from gitexp.cli.values import show_value
    from gitexp.ops import edit, lookup
    from gitexp.ops.lineage import row_of

    project = open_project()
    if text is None:
        found = lookup.require_own(project, exp)
        text = editor.ask(project, found.record.note, f"The note on {found.name}.")
    experiment = edit.note(project, exp, text)
    if json:
        render.as_json(row_of(project, experiment).as_json())
    elif not quiet:
        said = show_value(experiment.record.note, longest=_ECHOED)
        render.say(f"{experiment.name} {f'has the note: {said}' if said else 'has no note now.'}")
