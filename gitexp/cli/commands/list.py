"""`gitexp list`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp.cli import options

EPILOG = """Examples:

gitexp list

gitexp list -A --json
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list", epilog=EPILOG)(list_names)


def list_names(
    everything: Annotated[
        bool, typer.Option("--all", "-A", help="Experiments of all baselines, not of HEAD alone.")
    ] = False,
    failed: Annotated[
        bool | None, typer.Option("--failed/--no-failed", help="Only failed experiments, or none of them.")
    ] = None,
    number: Annotated[int | None, typer.Option("-n", min=0, help="At most so many experiments.")] = None,
    json: options.Json = False,
) -> None:
    """Print the names of experiments, one a line, the newest first.

    With --json: a list of objects with name, commit, baseline, status and created.
    """
    from gitexp.cli import render
    from gitexp.cli.session import open_project
    from gitexp.cli.values import clean
    from gitexp.ops import show as ops

    rows = ops.experiment_rows(open_project(), ops.Query(everything, failed=failed, limit=number))
    if json:
        keys = ("name", "commit", "baseline", "status", "created", "error")
        return render.as_json_list({key: getattr(row, key) for key in keys} for row in rows)
    return render.answer(clean(row.name) for row in rows)
