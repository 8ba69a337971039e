"""`gitexp show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gitexp.cli import complete, options
from gitexp.cli.values import PRECISION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitexp.ops.show import Column, Table

EPILOG = """Examples:

gitexp show --sort acc --desc -n 10

gitexp show -A --only-changed

gitexp show --columns 'acc,train.*' --md
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=EPILOG)(show)


def show(
    everything: Annotated[
        bool, typer.Option("--all", "-A", help="Experiments of all baselines, not of HEAD alone.")
    ] = False,
    sort: Annotated[
        str | None,
        typer.Option(help="Metric or param to sort by, or created.", autocompletion=complete.columns),
    ] = None,
    desc: Annotated[bool, typer.Option("--desc", help="Sort from high to low.")] = False,
    group: Annotated[
        str, typer.Option(metavar="none|baseline|PARAM", help="What to group the rows by.")
    ] = "baseline",
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY,...", help="Only these columns; * matches.", autocompletion=complete.columns
        ),
    ] = None,
    hide: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY,...", help="Not these columns.", autocompletion=complete.columns),
    ] = None,
    only_changed: Annotated[
        bool, typer.Option("--only-changed", help="Only columns whose values differ.")
    ] = False,
    precision: Annotated[int, typer.Option(min=1, max=17, help="Significant digits of metrics.")] = PRECISION,
    number: Annotated[int | None, typer.Option("-n", min=0, help="At most so many experiments.")] = None,
    failed: Annotated[
        bool | None, typer.Option("--failed/--no-failed", help="Only failed experiments, or none of them.")
    ] = None,
    json: options.Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    md: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
) -> None:
    """Show experiments as a table: by baseline, the newest first.

    Without -A: the experiments made from the commit that HEAD is on.
    """
    from gitexp.cli import export, render
    from gitexp.cli.session import open_project
    from gitexp.ops import show as ops

    options.only_one(json=json, csv=csv, md=md)
    query = ops.Query(everything, sort, desc, group, failed, number)
    table = ops.table(open_project(), query)
    if json:
        return render.as_json_list(row.as_json() for row in table.rows)
    wanted = ops.Columns(options.split(columns), options.split(hide), only_changed)
    found = ops.columns(table, wanted)
    if csv:
        return render.write(export.csv(table.rows, found))
    if md:
        return render.answer(export.markdown(table, found, precision))
    return _print(table, found, precision, everything=everything)


def _print(table: Table, columns: Sequence[Column], precision: int, *, everything: bool) -> None:
    from gitexp.cli import render
    from gitexp.cli.table import lay_out

    layout = lay_out(table, columns, width=render.width(), precision=precision)
    lines = list(layout.lines)
    if layout.left_out:
        names = ", ".join(layout.left_out[:5]) + (", …" if len(layout.left_out) > 5 else "")
        many = f"{len(layout.left_out)} column{'s' if len(layout.left_out) > 1 else ''}"
        lines.append([(f"{many} left out ({names}): widen the window, or pick with --columns.", "dim")])
    render.answer(lines, page=True)
    if not everything and table.elsewhere:
        render.say(f"{table.elsewhere:,} more on other baselines: gitexp show -A", "dim")
    if not table.experiments and not table.elsewhere:
        render.say("No experiments yet. The first one: gitexp run -- python train.py", "dim")
