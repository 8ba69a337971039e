"""`gitexp rename`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp.catalog.lineage import row_of
from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project, warn_of_namesakes
from gitexp.cli.kit.terminal import render
from gitexp.history import edit
from gitexp.words import clean

EPILOG = """Examples:
gitexp rename exp-333c9 wide-and-slow
"""


def rename(
    exp: options.OwnExp,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its new name.")],
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Give an experiment another name."""

    project = open_project(dry_run=dry_run)
    experiment = edit.rename(project, exp, name)
    warn_of_namesakes(project, name)
    if json:
        render.as_json(row_of(project, experiment).as_json())
    elif not quiet:
        render.say(f"{clean(exp)} is called {experiment.name} now.")


register = registration(rename, EPILOG)
