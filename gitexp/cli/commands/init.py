"""`gitexp init`."""

from __future__ import annotations

import contextlib
import sys
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
    force: Annotated[bool, options.force("Look again, and change the gitexp.yaml that is there.")] = False,
    yes: Annotated[bool, options.yes("Take what is found, without a question.")] = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Look at the project and write gitexp.yaml.

    Looks for the training script and its command (with uv or poetry where they are used), for params (also
    of Hydra) and metrics, in files or printed. On a terminal it asks for the command. With --force it looks
    again, and keeps all other settings. gitexp works without the file; it saves typing the command, and
    names what the usual names miss.
    """
    with contextlib.suppress(errors.FileError):  # a gitexp.yaml that is broken may be written anew
        open_project(needs_config=True)
    ask = None
    if command is None and not (yes or quiet or json) and _is_conversation():
        ask = _ask
    found = ops.init(Path.cwd(), command=command, force=force, ask=ask)
    if json:
        render.as_json(_as_json(found))
    elif not quiet:
        _tell(found)


def _is_conversation() -> bool:
    return render.is_terminal(sys.stdin) and render.is_terminal(sys.stderr)


def _ask(found: str | None) -> str | None:
    """The command that the person types; Enter takes what was found."""
    answer: str = typer.prompt("Training command", default=found or "", err=True)
    return answer.strip() or None


register = registration(init, EPILOG)


def _as_json(found: Found) -> dict[str, Any]:
    return {
        "file": found.file.name,
        "command": found.command,
        "params": found.params,
        "metrics": found.metrics,
        "share": found.share,
        "metrics_from_output": dict(found.printed),
        "kept": found.kept,
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
    if found.printed:
        render.say(f"  printed  {', '.join(found.printed)}")
    if found.takes_options:
        render.say("  options  are params, too: --lr 0.1 is args.lr")
    if found.kept:
        render.say(f"  kept     {', '.join(found.kept)}")
    if found.share:
        render.say(f"  share    {', '.join(found.share)}")
    render.say(f"Next: {following}", "dim")
