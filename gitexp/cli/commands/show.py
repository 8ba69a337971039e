"""`gitexp show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gitexp.cli import complete, options
from gitexp.cli.help import Command
from gitexp.cli.values import PRECISION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitexp.ops.columns import Column
    from gitexp.ops.rows import Row
    from gitexp.ops.show import Query, Table

EPILOG = """Examples:
gitexp show --sort acc --desc -n 10
gitexp show -A --only-changed
gitexp show --columns 'acc,train.*' --md
gitexp show --group model.optimizer
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(show)


def _digits(value: int) -> int:
    if not 1 <= value <= 17:  # a float has 17 digits that mean something
        raise typer.BadParameter(f"{value} is not from 1 to 17")
    return value


def show(
    everything: options.Everything = False,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Metric or param to sort by, or created; * marks the first value.",
            autocompletion=complete.columns,
        ),
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
    precision: Annotated[
        int, typer.Option(metavar="N", callback=_digits, help="Significant digits of metrics, 1 to 17.")
    ] = PRECISION,
    number: options.Number = None,
    failed: options.Failed = None,
    json: options.Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    md: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
) -> None:
    """Show experiments as a table.

    By baseline, the newest first. Without -A: the experiments made from the commit that HEAD is on.
    """
    from gitexp.cli import export, render
    from gitexp.cli.session import open_project
    from gitexp.ops import show as ops
    from gitexp.ops.columns import Columns

    options.only_one(json=json, csv=csv, md=md)
    query = ops.Query(everything, sort, desc, group, failed, number)
    table = ops.table(open_project(), query)
    for complaint in table.complaints:
        render.warn(complaint)
    wanted = Columns(options.split(columns), options.split(hide), only_changed)
    if json:
        picked = wanted.only or wanted.hide or only_changed
        keep = {(c.kind, c.key) for c in ops.columns(table, wanted)} if picked else None
        return render.as_json_list(_as_json(row, keep) for row in table.rows)
    found = ops.columns(table, wanted)
    if csv:
        return render.write(export.csv(table.rows, found))
    if md:
        return render.answer(export.markdown(table, found, precision))
    return _print(table, found, precision, query)


def _as_json(row: Row, keep: set[tuple[str, str]] | None) -> dict[str, Any]:
    """Return a row, of its params and metrics those columns alone that were asked for."""
    data = row.as_json()
    if keep is not None:
        data["params"] = {key: value for key, value in row.params.items() if ("param", key) in keep}
        data["metrics"] = {key: value for key, value in row.metrics.items() if ("metric", key) in keep}
    return data


def _print(table: Table, columns: Sequence[Column], precision: int, query: Query) -> None:
    from gitexp.cli import render
    from gitexp.cli.table import lay_out

    width = render.width()
    layout = lay_out(table, columns, width=width, precision=precision)
    note = [[(line, "dim")] for line in _note(layout.left_out, width)]
    render.answer([*layout.lines, *note], page=True)
    if not query.everything and table.elsewhere:
        render.say(f"{table.elsewhere:,} more on other baselines: gitexp show -A", "dim")
    elif not table.experiments and query.failed is None and query.limit is None:
        render.say("No experiments yet. The first one: gitexp run -- python train.py", "dim")
    elif not table.experiments:
        render.say("No experiment is like that.", "dim")


def _note(left_out: Sequence[str], width: int | None) -> list[str]:
    """Return what to say of columns that did not fit, in lines that do."""
    from gitexp.cli.cells import elide

    if not left_out or width is None:
        return []
    many = "1 column" if len(left_out) == 1 else f"{len(left_out)} columns"
    ways = ("Pick with --columns or --hide; all of them: gitexp show | less -S", "Pick with --columns.")
    note = elide(f"{many} left out: {', '.join(left_out)}", width)
    return [note, next((way for way in ways if len(way) <= width), elide(ways[-1], width))]
