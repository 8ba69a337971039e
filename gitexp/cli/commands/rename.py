"""`gitexp rename`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp.cli import options
from gitexp.cli.help import Command

EPILOG = """Examples:
gitexp rename exp-333c9 wide-and-slow
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(rename)


def rename(
    exp: options.OwnExp,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its new name.")],
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Give an experiment another name."""
    from gitexp.cli import render
    from gitexp.cli.session import open_project, warn_of_namesakes
    from gitexp.ops import edit
    from gitexp.ops.lineage import row_of

    project = open_project()
    experiment = edit.rename(project, exp, name)
    warn_of_namesakes(project, name)
    if json:
        render.as_json(row_of(project, experiment).as_json())
    elif not quiet:
        render.say(f"It is called {experiment.name} now.")
