"""`gitexp demo`."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.terminal import render
from gitexp.demo import tour as ops
from gitexp.repo.git.launch import PLACES

EPILOG = """Examples:
gitexp demo
gitexp demo ~/iris
"""


Folder = Annotated[Path | None, typer.Argument(help="A new folder for the demo; default: a temporary one.")]


def demo(
    folder: Folder = None,
    quiet: options.Quiet = False,
) -> None:
    """Show it all on real data: runs, table, diff and branch.

    Makes a small Git repository with Fisher's irises and a trainer in plain Python, and types there
    what you would type.
    """
    for variable in PLACES:
        os.environ.pop(variable, None)
    project = ops.prepare(folder)
    for step in ops.steps(project):
        if not quiet and step.explanation:
            render.answer(["", [(f"# {step.explanation}", "dim")]])
        render.answer([[("$ ", "dim"), (shlex.join(step.command), "bold")]])
        status = ops.perform(project, step)
        if status != 0:
            raise typer.Exit(status)
    if not quiet:
        render.answer(["", f"Look around: cd {shlex.quote(str(project))} && {_program()} show -A"])


def _program() -> str:
    """The words that start gitexp: its name, or its path where the shell does not know the name."""
    beside = Path(sys.executable).with_name("gitexp")
    if shutil.which("gitexp") is not None:
        return "gitexp"
    if beside.is_file():
        return shlex.quote(str(beside))
    return f"{shlex.quote(sys.executable)} -m gitexp"


register = registration(demo, EPILOG)
