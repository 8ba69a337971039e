"""`gitexp add`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.progress import Meter
from gitexp.cli.kit.session import open_project
from gitexp.datasets import add as ops
from gitexp.words import counted, human_size

EPILOG = """Examples:
gitexp add data/raw
gitexp add data/train.csv data/test.csv && git add gitexp.yaml gitexp.lock
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(add)


def add(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files and folders of data.")],
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Version data that no stage makes, such as data sets.

    The content goes into the object store, its hash into gitexp.lock, the path into data: of gitexp.yaml
    and into the .gitignore beside it. Do it again when the data has changed. Commit these small files:
    they bring the data back with gitexp checkout.
    """

    project = open_project(needs_config=True)
    with Meter("Storing", quiet=quiet) as meter:
        done = ops.add(project, paths, on_progress=meter)
    for warning in done.warnings:
        render.warn(warning)
    if json:
        return render.as_json(
            {
                "added": [
                    {"path": each.path, "hash": each.hash, "size": each.size, "files": each.files}
                    for each in done.artifacts
                ],
                "changed": list(done.changed),
                "written": list(done.files),
                "warnings": list(done.warnings),
            }
        )
    if quiet:
        return None
    for each in done.artifacts:
        files = "" if each.files is None else f"{counted(each.files, 'file')}, "
        state = "" if each.path in done.changed else ", as before"
        render.say(f"{each.path}: {files}{human_size(each.size)}{state}")
    if done.files:
        render.say(f"To commit: git add {project.typed(*done.files)}", "dim")
    return None
