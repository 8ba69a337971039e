"""`gitexp add`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.meter import Meter
from gitexp.datasets import add as ops
from gitexp.datasets.add import Added
from gitexp.model import Artifact
from gitexp.project.project import Project
from gitexp.words import counted, human_size

EPILOG = """Examples:
gitexp add data/raw
gitexp add data/train.csv data/test.csv && git add gitexp.yaml gitexp.lock
"""


def add(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files and folders of data.")],
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Version data that no stage makes, such as data sets.

    The content goes into the object store, its hash into gitexp.lock, the path into data: of gitexp.yaml
    and into the .gitignore beside it. Do so again after a change of the data. Commit the small files: gitexp
    checkout brings the data back by them.
    """
    project = open_project(needs_config=True, dry_run=dry_run)
    with Meter("Storing", quiet=quiet) as meter:
        done = ops.add(project, paths, on_progress=meter)
    render.warn_all(done.warnings)
    if json:
        render.as_json(_as_json(done))
    elif not quiet:
        _tell(project, done)


register = registration(add, EPILOG)


def _as_json(done: Added) -> dict[str, Any]:
    return {
        "added": list(map(Artifact.as_json, done.artifacts)),
        "changed": list(done.changed),
        "written": list(done.files),
        "warnings": list(done.warnings),
    }


def _tell(project: Project, done: Added) -> None:
    for each in done.artifacts:
        line = f"{each.path}: "
        if each.files is not None:
            line += f"{counted(each.files, 'file')}, "
        line += human_size(each.size)
        if each.path not in done.changed:
            line += ", as before"
        render.say(line)
    if done.files:
        render.say(f"To commit: git add {project.typed(*done.files)}", "dim")
