"""`gitexp log`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp.cli import options
from gitexp.cli.help import Command

EPILOG = """Examples:
gitexp log exp-333c9
gitexp log exp-333c9 --raw > output.log
gitexp log -f exp-333c9
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(log)


def log(
    exp: options.Exp,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Of a running one: go on until it ends.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="The bytes as the command wrote them, escape sequences and all.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Print what an experiment's command printed.

    Of a running one: what there is so far, with -f all until it ends; Ctrl-C ends the following, not the
    run. Colours are kept on a terminal; all other control sequences are left out.
    """
    from gitexp.cli import render
    from gitexp.cli.follow import follow as follow_output
    from gitexp.cli.output import printable
    from gitexp.cli.session import open_project
    from gitexp.ops import log as ops

    options.only_one(follow=follow, json=json)
    project = open_project()
    if follow:
        chunks = ops.follow(project, exp)
        return render.write_bytes(chunks) if raw else follow_output(chunks)
    found = ops.log(project, exp)
    data = found.output
    if json:
        return render.as_json({"experiment": found.name, "output": data.decode("utf-8", "replace")})
    if raw:
        return render.write_bytes([data])
    return render.answer(printable(data, colors=render.colors()), page=True)
