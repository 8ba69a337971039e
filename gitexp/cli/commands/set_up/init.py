"""`gitexp init`."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gitexp import errors
from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.project.init import Found
from gitexp.stages import dvc_adoption
from gitexp.stages.dvc_adoption import Adopted
from gitexp.words import counted, shorten

EPILOG = """Examples:
gitexp init
gitexp init --command "python -m mymodel.train"
"""


_MOST_WARNINGS = 20

TrainingCommand = Annotated[
    str | None, typer.Option("--command", metavar="CMD", help="The training command; default: look for it.")
]


def init(
    command: TrainingCommand = None,
    force: Annotated[bool, options.force("Look again, and change the gitexp.yaml that is there.")] = False,
    yes: Annotated[bool, options.yes("Take what is found, without a question.")] = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Look at the project and write gitexp.yaml.

    Looks for the training script and its command (with uv, poetry, pdm, pixi or pipenv where one is used),
    for params and metrics: in files, of Lightning's loggers, printed or logged. On a terminal
    it asks for the command. With --force it looks again, and keeps all other settings. gitexp works without
    the file; it saves typing the command, and names what the usual names miss.

    In a project of DVC's, the data of .dvc files and the runs in dvc.lock are taken over: nothing is
    computed again, and nothing is copied as long as DVC's cache has it.
    """
    with contextlib.suppress(errors.FileError):  # a gitexp.yaml that is broken may be written anew
        open_project(needs_config=True, dry_run=dry_run)
    ask = None
    if command is None and not (yes or quiet or json or dry_run) and _is_conversation():
        ask = _ask
    here = Path.cwd()
    found, adopted = dvc_adoption.init(here, command=command, force=force, ask=ask, dry_run=dry_run)
    for warning in adopted.warnings[:_MOST_WARNINGS]:
        render.warn(warning)
    if len(adopted.warnings) > _MOST_WARNINGS:
        render.warn(f"and {counted(len(adopted.warnings) - _MOST_WARNINGS, 'more warning')} of DVC's files")
    if json:
        render.as_json(_as_json(found) | {"data": adopted.data, "adopted": adopted.stages})
    elif not quiet:
        _tell(found, adopted, dry_run=dry_run)


def _is_conversation() -> bool:
    return render.is_terminal(sys.stdin) and render.is_terminal(sys.stderr)


def _ask(found: str | None, others: Sequence[str]) -> str | None:
    """The command that the person types; Enter takes what was found."""
    if others:
        render.say(f"Scripts here that may train{' too' if found else ''}: {', '.join(others)}")
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
        "other_scripts": found.other_scripts,
    }


def _example(option: str) -> str:
    """The key of an option of the script; "" without one to name."""
    name = option.partition(" ")[0].removeprefix("--")
    return f": {option} is args.{name}" if name else ""


def _tell(found: Found, adopted: Adopted, *, dry_run: bool) -> None:
    command = "none found: write it into the file"
    if found.command or found.stages:
        command = found.command or f"the stages of {found.stages}"
    verb = "Would write" if dry_run else "Wrote"
    render.say(f"{verb} {found.file.name}:")
    render.say(f"  command  {command}")
    if found.other_scripts:
        first = f"gitexp init --force --command {shlex.quote(found.other_command)}"
        render.say(f"  not      {', '.join(found.other_scripts)}: {first}")
    params = [*found.params]
    if found.by_hydra:
        params.append("what Hydra composes")
    render.say(f"  params   {', '.join(params) or 'none found'}")
    if found.metrics:
        render.say(f"  metrics  {', '.join(found.metrics)}")
    if found.printed:
        render.say(f"  printed  {', '.join(found.printed)}")
    if found.takes_options:
        render.say(f"  options  are params, too{_example(found.option)}")
    if found.kept:
        render.say(f"  kept     {', '.join(found.kept)}")
    if found.share:
        render.say(f"  share    {', '.join(found.share)}")
    if adopted.data:
        render.say(f"  data     {shorten(adopted.data)}, from .dvc files")
    if adopted.stages:
        render.say(f"  stages   {len(adopted.stages):,} as in dvc.lock: what has not changed does not run")
    if "MLflow" in found.tools:
        render.say(
            "  MLflow   mlruns/ is stored with each run; the table has what is printed or in metrics.json"
        )
    render.say(f"Next: {found.first_run}", "dim")
    if found.with_value:
        render.say(f"With another value: {found.with_value}", "dim")
