"""`gitexp init`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from gitexp import errors
from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.session import open_project
from gitexp.project import init as ops

EPILOG = """Examples:
gitexp init
gitexp init --command "python -m mymodel.train"
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(init)


def init(
    command: Annotated[
        str | None, typer.Option(metavar="CMD", help="The training command; default: look for it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write gitexp.yaml anew if it is there.")] = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Look at the project and write gitexp.yaml.

    Looks for the training command, params and metrics files. gitexp works without the file; it saves
    typing the command, and names what the usual names miss.
    """

    with contextlib.suppress(errors.FileError):  # a gitexp.yaml that is broken may be written anew
        open_project(needs_config=True)
    found = ops.init(Path.cwd(), command=command, force=force)
    if json:
        return render.as_json(
            {
                "file": found.file.name,
                "command": found.command,
                "params": found.params,
                "metrics": found.metrics,
                "share": found.share,
            }
        )
    if not quiet:
        render.say(f"Wrote {found.file.name}:")
        stages = f"the stages of {found.stages}" if found.stages else None
        render.say(f"  command  {found.command or stages or 'none found: write it into the file'}")
        render.say(f"  params   {', '.join(found.params) or 'none found'}")
        if found.metrics:
            render.say(f"  metrics  {', '.join(found.metrics)}")
        if found.share:
            render.say(f"  share    {', '.join(found.share)}")
        render.say(
            "Next: " + ("gitexp run" if found.command or stages else "gitexp run -- <your command>"), "dim"
        )
    return None
