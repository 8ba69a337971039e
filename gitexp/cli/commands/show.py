"""`gitexp show`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import typer

from gitexp.catalog.fields import Row
from gitexp.catalog.query import Query
from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import again, registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.table_layout import Line, constants, lay_out
from gitexp.cli.kit.table_remarks import Again, note, remarks
from gitexp.cli.kit.watch import Picture, watch
from gitexp.project.project import Project
from gitexp.runs.recover import finish_dead_runs
from gitexp.views import formats
from gitexp.views import table as ops
from gitexp.views.columns import Choice, Columns
from gitexp.views.table import Table
from gitexp.words import PRECISION

EPILOG = """Examples:
gitexp show --sort acc --desc -n 10
gitexp show exp-333c9    (all about one)
gitexp show last --columns acc,duration,command
gitexp show 'exp-3*' --sort acc --desc
gitexp show -A --only-changed
gitexp show --branches --tags
gitexp show --columns 'acc,train.*' --md
gitexp show --group model.optimizer
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
Sort = Annotated[
    str | None,
    options.keys("What to sort by: a metric, a param, or created, duration, name and so on.", "KEY"),
]
Descending = Annotated[bool, typer.Option("--desc", help="Sort from high to low.")]
Group = Annotated[str, typer.Option(metavar="none|baseline|PARAM", help="What to group the rows by.")]
Only = Annotated[list[str] | None, options.keys("Only these columns, none left out; * matches.")]
Hide = Annotated[list[str] | None, options.keys("Not these columns, nor created, commit, tree before them.")]
OnlyChanged = Annotated[bool, typer.Option("--only-changed", help="Only columns whose values differ.")]
Branches = Annotated[bool, typer.Option("--branches", help="The commits of branches too, as rows.")]
Tags = Annotated[bool, typer.Option("--tags", help="The commits of Git's tags too, as rows.")]
Precision = Annotated[
    int, typer.Option(metavar="N", callback=_digits, help="Significant digits of metrics, 1 to 17.")
]
Watch = Annotated[
    bool, typer.Option("--watch", help="Draw the table again and again, until q or Ctrl-C is pressed.")
]
Every = Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="How often --watch draws the table.")]


def show(
    ctx: typer.Context,
    words: Words = None,
    everything: options.Everything = False,
    all_projects: options.AllProjects = False,
    sort: Sort = None,
    desc: Descending = False,
    group: Group = "baseline",
    columns: Only = None,
    hide: Hide = None,
    only_changed: OnlyChanged = False,
    precision: Precision = PRECISION,
    branches: Branches = False,
    tags: Tags = False,
    number: options.Number = None,
    filter_text: options.Filter = None,
    failed: options.Failed = None,
    watch: Watch = False,
    every: Every = 2.0,
    json: options.Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    md: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
) -> None:
    """Show experiments as a table, or all about some of them.

    By baseline, the newest first, and below each experiment the experiments made from it. Without -A: the
    experiments made from the commit of HEAD. By itself the table has the metrics and params that differ; with
    --columns, what you name: metrics, params, and what filters know, such as duration, user or command.

    With names (also last, @{1} for the one before, and patterns such as 'lr-*'): all facts about each of
    them, its params beside the params of its baseline, metrics, stages, data and warnings. With names and
    options of the table: the table of these.
    """
    chosen = (everything, sort, desc, group, failed, number, filter_text, all_projects)
    query = Query(*chosen, branches=branches, tags=tags)
    wanted = Columns(tuple(options.split(columns)), tuple(options.split(hide)), only_changed)
    hint = partial(again, ctx)
    if words:
        if query == Query() and wanted == Columns() and not (watch or csv or md):
            return _show_some(words, precision, json=json)
        query = query._replace(names=tuple(words))
    options.only_one(json=json, csv=csv, md=md, watch=watch)
    project = open_project(reads_all=True)
    if watch:
        _watch(project, query, wanted, precision, every, hint)
    table = ops.table(project, query)
    render.warn_all(table.complaints)
    if json:
        return _print_json(table, wanted)
    if csv:
        return render.write(formats.csv(table.rows, ops.columns(table, wanted)))
    table = ops.with_changes(project, table)
    choice = ops.choice(table, wanted)
    if md:
        return render.answer(formats.markdown(table, choice, precision))
    render.answer(_lines(table, choice, precision, hint), page=not watch)
    for remark in remarks(project, table, choice, query, hint):
        render.say(remark, "dim")
    return None


register = registration(show, EPILOG)


def _show_some(words: Sequence[str], precision: int, *, json: bool) -> None:
    """Print all about the named experiments."""
    # The table must not pay for what single experiments need.
    from gitexp.cli.kit.experiment_text import complaints, lines
    from gitexp.views.details import Details, details

    found = details(open_project(), words)
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
        table = ops.with_changes(project, ops.table(project, query))
        return Picture(_lines(table, ops.choice(table, wanted), precision, hint), table.going_on)

    watch(draw, every)


def _print_json(table: Table, wanted: Columns) -> None:
    if not (wanted.only or wanted.hide or wanted.only_changed):
        return render.as_json_list(map(Row.as_json, table.rows))
    kept = {(column.kind, column.key) for column in ops.columns(table, wanted)}
    return render.as_json_list(_as_json(row, kept) for row in table.rows)


def _as_json(row: Row, kept: set[tuple[str, str]]) -> dict[str, Any]:
    """A row with only these of its params and metrics."""
    data = row.as_json()
    for kind, values in (("param", row.params), ("metric", row.metrics)):
        data[f"{kind}s"] = {key: value for key, value in values.items() if (kind, key) in kept}
    return data


def _lines(table: Table, choice: Choice, precision: int, again: Again) -> list[Line]:
    """The table for the screen, with what is the same in all rows and a note about columns without room."""
    width = render.width()
    layout = lay_out(table, choice, width=width, precision=precision)
    lines = list(layout.lines)
    if same := constants(table, choice, width, precision):
        lines.append([(same, "dim")])
    for line in note(layout.left_out, width, again):
        lines.append([(line, "dim")])
    return lines
