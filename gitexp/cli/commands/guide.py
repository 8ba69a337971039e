"""`gitexp guide`."""

from __future__ import annotations

import typer

from gitexp.cli import options
from gitexp.cli.help import Command, leaves

EPILOG = """Examples:
gitexp guide
gitexp guide --json
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(guide)


def guide(context: typer.Context, json: options.Json = False) -> None:
    """Tell a program how to use gitexp.

    For coding assistants, CI jobs and research loops: rules, commands, shapes of --json, exit codes and
    error codes on one page.
    """
    from gitexp.cli import guide as pages
    from gitexp.cli import render

    commands = leaves(context.find_root().command)
    if json:
        return render.as_json(pages.as_json(commands))
    return render.answer(pages.text(commands).splitlines())
