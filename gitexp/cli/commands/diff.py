"""`gitexp diff`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp.cli import complete, options
from gitexp.cli.help import Command

EPILOG = """Examples:
gitexp diff exp-333c9 exp-55e90
gitexp diff exp-333c9 --code    (against its baseline, with the patch)
gitexp diff                     (HEAD against the workspace)
"""

_Point = typer.Argument(
    metavar="[A]", help="Experiment, Git revision or 'workspace'.", autocompletion=complete.points
)
_Other = typer.Argument(metavar="[B]", help="The same, to compare with.", autocompletion=complete.points)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(diff)


def diff(
    a: Annotated[str | None, _Point] = None,
    b: Annotated[str | None, _Other] = None,
    code: Annotated[bool, typer.Option("--code", help="Add the patch of the code.")] = False,
    md: Annotated[bool, typer.Option("--md", help="Print Markdown.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 if anything differs, as git diff does.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Compare params, metrics, code, command and environment.

    One argument: an experiment with its baseline, a revision with the workspace. None: HEAD with the
    workspace.
    """
    from gitexp.cli import comparison, render
    from gitexp.cli.session import open_project
    from gitexp.ops import diff as ops

    options.only_one(json=json, md=md)
    project = open_project()
    old, new = ops.points(project, a, b)
    for complaint in (*old.complaints, *new.complaints):
        render.warn(complaint)
    found = ops.diff(project, old, new)
    paint = render.colors() and not (json or md)
    patch = ops.patch(project, found, color=paint) if code else b""
    if json:
        render.as_json(comparison.as_json(found, patch if code else None))
    elif md:
        render.answer(comparison.markdown(found, patch))
    else:
        render.answer(comparison.lines(found, patch, width=render.width(), colors=paint), page=True)
        if not found:
            render.say(f"Nothing differs between {old.label} and {new.label}.", "dim")
    if exit_code and found:
        raise typer.Exit(1)
