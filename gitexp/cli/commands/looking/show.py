"""`gitexp show`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import typer

from gitexp.catalog.fields import Row
from gitexp.catalog.query import BY_BASELINE, Query
from gitexp.catalog.replicates import Replicates, row_as_json
from gitexp.cli.kit import options
from gitexp.cli.kit.help import again, registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.tables.table_remarks import Again, noted_lines, remarks
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.watch import Picture, watch
from gitexp.project.project import Project
from gitexp.runs.ongoing.recover import finish_dead_runs
from gitexp.views import formats
from gitexp.views import table as ops
from gitexp.views.columns import Columns
from gitexp.views.markup import TableFormat
from gitexp.views.table import Table
from gitexp.words import PRECISION

EPILOG = """Examples:
gitexp show --sort acc --desc --limit 10
gitexp show exp-333c9    (all about one)
gitexp show last --columns acc,duration,command
gitexp show 'exp-3*' --sort acc --desc
gitexp show -A --only-changed
gitexp show --branches --tags
gitexp show --columns 'acc,train.*' --format md
gitexp show --group model.optimizer
gitexp show --each    (replicates as rows of their own)
gitexp show --filter "acc > 0.9 and train.lr < 0.2 and 'best' in tags"
gitexp show --watch --sort acc --desc
"""


def _digits(value: int) -> int:
    if not 1 <= value <= 17:  # a float has 17 digits that mean something
        raise typer.BadParameter(f"{value} is not from 1 to 17")
    return value


Words = Annotated[
    list[str] | None,
    options.argument(
        "[EXP]...", "These alone: names, unique prefixes, commit ids, patterns, last or @{1}.", "experiments"
    ),
]
Group = Annotated[
    str, typer.Option(metavar="none|baseline|replicates|PARAM", help="What to group the rows by.")
]
OnlyChanged = Annotated[bool, typer.Option("--only-changed", help="Only columns whose values differ.")]
Branches = Annotated[bool, typer.Option("--branches", help="The commits of branches too, as rows.")]
Tags = Annotated[bool, typer.Option("--tags", help="The commits of Git's tags too, as rows.")]
Precision = Annotated[
    int,
    typer.Option(
        metavar="N", callback=_digits, help="Significant digits of a metric's largest number, 1 to 17."
    ),
]
Watch = Annotated[
    bool, typer.Option("--watch", help="Draw the table again and again, until q or Ctrl-C is pressed.")
]


@with_query
def show(
    ctx: typer.Context,
    words: Words = None,
    query: Query = PLAIN,
    sort: options.Sort = None,
    desc: options.Descending = None,
    lowest: options.Lowest = False,
    highest: options.Highest = False,
    group: Group = "baseline",
    each: options.Each = False,
    columns: options.Only = None,
    hide: options.Hide = None,
    only_changed: OnlyChanged = False,
    precision: Precision = PRECISION,
    branches: Branches = False,
    tags: Tags = False,
    limit: options.Limit = None,
    watch: Watch = False,
    every: options.Every = 2.0,
    reveal: options.Reveal = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
    form: options.AsTable = None,
) -> None:
    """Show experiments as a table, or all about some of them.

    By baseline, the newest first, and below each experiment the experiments made from it. Without -A: the
    experiments made from the commit of HEAD. By itself the table has the metrics and params that differ; with
    --columns, what you name: metrics, params, and what filters know, such as duration, user or command.

    Replicates are one row: the mean of each metric ± its standard deviation (n), over those that are done.
    --each has a row for each; --group replicates also unites runs repeated by hand.

    --hide hides created, commit and tree too, which stand before the columns. With --min or --max the rows
    are sorted from the best of the metric of --sort, and the best has a star.

    With names (also last, @{1} for the one before, and patterns such as 'lr-*'): all facts about each of
    them, its params beside the params of its baseline, metrics, stages, data, curves and warnings. With names
    and options of the table: the table of these.
    """
    low = options.best_of(lowest, highest, sort)
    descending = options.is_descending(desc, low)
    drawn, group = _grouping(group, each=each, named=bool(words))
    query = query._replace(sort=sort, descending=descending, group=group, limit=limit)
    query = query._replace(branches=branches, tags=tags)
    wanted = Columns(tuple(options.split(columns)), tuple(options.split(hide)), only_changed)
    hint = partial(again, ctx)
    if words:
        asks_table = watch or form or each or drawn is not Replicates.EACH
        if query == PLAIN and wanted == Columns() and not asks_table:
            return _show_some(words, precision, quiet=quiet, json=json, reveal=reveal)
        query = query._replace(names=tuple(words))
    query = query._replace(replicates=drawn)
    options.only_one(json=json, format=form is not None, watch=watch)
    project = open_project(reads_all=True, only_looks=True, quiet=quiet, reveal=reveal)
    if sort is not None and low is not None:
        project = project.with_direction(sort, lowest=low)
    if watch:
        _watch(project, query, wanted, precision, every, hint)
    table = ops.table(project, query, wanted)
    render.warn_all(table.complaints)
    if json:
        return _print_json(table, wanted)
    if form is TableFormat.CSV:
        return render.write(formats.csv(table.rows, ops.columns(table, wanted)))
    table = ops.with_changes(project, table)
    choice = ops.choice(table, wanted)
    if form is not None:
        return render.answer(formats.written(form, table, choice, precision))
    render.answer(noted_lines(table, choice, render.width(), precision, hint), page=not watch)
    if not quiet:
        for remark in remarks(project, table, choice, query, hint):
            render.say(remark, "dim")
    return None


register = registration(show, EPILOG)


def _grouping(group: str, *, each: bool, named: bool) -> tuple[Replicates, str]:
    """The replicates in one row, and the further grouping of rows."""
    otherwise = Replicates.EACH if named else Replicates.REPEATED
    drawn = options.replicates(group, each=each, otherwise=otherwise)
    return drawn, BY_BASELINE if group == options.REPLICATES else group


def _show_some(words: Sequence[str], precision: int, *, quiet: bool, json: bool, reveal: bool) -> None:
    """Print all about the named experiments."""
    # The table must not pay for what single experiments need.
    from gitexp.cli.kit.experiment_text import complaints, lines
    from gitexp.views.details import Details, details

    found = details(open_project(quiet=quiet, reveal=reveal), words)
    render.warn_all(complaints(found))
    if json:
        render.as_json_list(map(Details.as_json, found))
    else:
        render.answer(lines(found, width=render.width(), precision=precision))


def _watch(
    project: Project, query: Query, wanted: Columns, precision: int, every: float, hint: Again
) -> None:
    """Draw the table until the person ends it. The caller prints the last table."""

    def draw() -> Picture:
        finish_dead_runs(project)
        table = ops.with_changes(project, ops.table(project, query, wanted))
        choice = ops.choice(table, wanted)
        return Picture(noted_lines(table, choice, render.width(), precision, hint), table.going_on)

    watch(draw, every)


def _print_json(table: Table, wanted: Columns) -> None:
    if not (wanted.only or wanted.hide or wanted.only_changed):
        return render.as_json_list(map(row_as_json, table.rows))
    kept = {(column.kind, column.key) for column in ops.columns(table, wanted)}
    return render.as_json_list(_as_json(row, kept) for row in table.rows)


def _as_json(row: Row, kept: set[tuple[str, str]]) -> dict[str, Any]:
    """A row with only these of its params and metrics."""
    data = row_as_json(row)
    for kind, values in (("param", row.params), ("metric", row.metrics)):
        data[f"{kind}s"] = {key: value for key, value in values.items() if (kind, key) in kept}
    if row.members:
        spreads = data["replicates"]["metrics"]
        for key in list(spreads):
            if ("metric", key) not in kept:
                del spreads[key]
    return data
