"""`gitexp mcp`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp import errors, plugins
from gitexp.cli.kit import options
from gitexp.cli.kit.garbage import search_for_garbage
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project, remember_records
from gitexp.extras.assistants.command_lines import CommandLines

EPILOG = """Examples:
gitexp mcp
gitexp mcp -j 2    (two runs at the same time)
"""

Jobs = Annotated[int, options.jobs("Have so many runs of the assistant run at the same time.")]


def mcp(ctx: typer.Context, jobs: Jobs = 1) -> None:
    """Serve the experiments to a coding assistant, by the Model Context Protocol.

    An assistant starts the server in the folder of the project, and speaks to it by stdin and stdout. There
    are ten tools: run, show, best, diff, log, stop, note, why, judge, status. Their answers are the JSON of
    the commands, short enough for a model. The server ends with the assistant; runs go on.
    """
    project = open_project(reads_all=True)
    serve = plugins.find_installed("assistants", "server", "mcp")
    if serve is None:
        raise errors.UsageError(
            "The server needs a package that is not installed: mcp.", "Install it: pip install 'gitexp[mcp]'"
        )
    remember_records()
    search_for_garbage()  # a server runs for days
    serve(CommandLines(ctx.find_root().command), project.here, jobs)


register = registration(mcp, EPILOG)
