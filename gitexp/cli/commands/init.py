"""`gitexp init`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any

import typer

from gitexp import errors
from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.project import init as ops
from gitexp.project.init import Found

EPILOG = """Examples:
gitexp init
gitexp init --command "python -m mymodel.train"
"""


TrainingCommand = Annotated[
    str | None, typer.Option("--command", metavar="CMD", help="The training command; default: look for it.")
]


def init(
    command: TrainingCommand = None,
    force: Annotated[bool, options.force("Write gitexp.yaml anew if it is there.")] = False,
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
        render.as_json(_as_json(found))
    elif not quiet:
        _tell(found)


register = registration(init, EPILOG)


def _as_json(found: Found) -> dict[str, Any]:
    return {
        "file": found.file.name,
        "command": found.command,
        "params": found.params,
        "metrics": found.metrics,
        "share": found.share,
    }


def _tell(found: Found) -> None:
    command, following = "none found: write it into the file", "gitexp run -- <your command>"
    if found.command or found.stages:
        command, following = found.command or f"the stages of {found.stages}", "gitexp run"
    render.say(f"Wrote {found.file.name}:")
    render.say(f"  command  {command}")
    render.say(f"  params   {', '.join(found.params) or 'none found'}")
    if found.metrics:
        render.say(f"  metrics  {', '.join(found.metrics)}")
    if found.share:
        render.say(f"  share    {', '.join(found.share)}")
    render.say(f"Next: {following}", "dim")
