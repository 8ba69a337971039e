"""`gitexp show`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from gitexp import errors
from gitexp.catalog.query import Query
from gitexp.catalog.rows import Row
from gitexp.cli.kit import options, render
from gitexp.cli.kit.cells import elide
from gitexp.cli.kit.details import complaints, lines
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.render import cell_width
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.table import Line, lay_out
from gitexp.cli.kit.watch import Picture, watch
from gitexp.project.project import Project
from gitexp.repo import git_remote
from gitexp.runs.recover import finish_dead_runs
from gitexp.views import formats
from gitexp.views import table as ops
from gitexp.views.columns import Column, Columns
from gitexp.views.details import details
from gitexp.views.table import Table
from gitexp.words import PRECISION

EPILOG = """Examples:
gitexp show --sort acc --desc -n 10
gitexp show exp-333c9    (all about one)
gitexp show -A --only-changed
gitexp show --columns 'acc,train.*' --md
gitexp show --group model.optimizer
gitexp show --filter "acc > 0.9 and train.lr < 0.2 and 'best' in tags"
gitexp show --watch --sort acc --desc
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(show)


def _digits(value: int) -> int:
    if not 1 <= value <= 17:  # a float has 17 digits that mean something
        raise typer.BadParameter(f"{value} is not from 1 to 17")
    return value


def show(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[EXP]...",
            help="All about these alone: names, unique prefixes or commit ids.",
            autocompletion=options.completed_by("experiments"),
        ),
    ] = None,
    everything: options.Everything = False,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Metric or param to sort by, or created; * marks the first value.",
            autocompletion=options.completed_by("columns"),
        ),
    ] = None,
    desc: Annotated[bool, typer.Option("--desc", help="Sort from high to low.")] = False,
    group: Annotated[
        str, typer.Option(metavar="none|baseline|PARAM", help="What to group the rows by.")
    ] = "baseline",
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY,...",
            help="Only these columns; * matches.",
            autocompletion=options.completed_by("columns"),
        ),
    ] = None,
    hide: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY,...", help="Not these columns.", autocompletion=options.completed_by("columns")
        ),
    ] = None,
    only_changed: Annotated[
        bool, typer.Option("--only-changed", help="Only columns whose values differ.")
    ] = False,
    precision: Annotated[
        int, typer.Option(metavar="N", callback=_digits, help="Significant digits of metrics, 1 to 17.")
    ] = PRECISION,
    number: options.Number = None,
    filter_text: options.Filter = None,
    failed: options.Failed = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Draw the table again and again for as long as runs go on.")
    ] = False,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="How often --watch draws the table.")
    ] = 2.0,
    json: options.Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    md: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
) -> None:
    """Show experiments as a table, or all about some of them.

    By baseline, the newest first, and below each experiment those that were made from it. Without -A:
    the experiments made from the commit that HEAD is on. With names: what each of these is, what it was
    run with and by whom, its params beside those of its baseline, metrics, stages, data and warnings.
    """
    if words:
        chosen = (everything, desc, only_changed, failed is not None, watch, csv, md, group != "baseline")
        if any((*chosen, sort, columns, hide, filter_text, number is not None)):
            raise errors.UsageError(
                "The options of the table do not go with the names of experiments.",
                "With names, --json and --precision do. The table of some: gitexp show --filter EXPR",
            )
        return _show_some(words, precision, json=json)

    options.only_one(json=json, csv=csv, md=md, watch=watch)
    query = Query(everything, sort, desc, group, failed, number, filter_text)
    wanted = Columns(options.split(columns), options.split(hide), only_changed)
    project = open_project(reads_all=True)
    if watch:
        _watch(project, query, wanted, precision, every)
    table = ops.table(project, query)
    for complaint in table.complaints:
        render.warn(complaint)
    if json:
        picked = wanted.only or wanted.hide or only_changed
        keep = {(c.kind, c.key) for c in ops.columns(table, wanted)} if picked else None
        return render.as_json_list(_as_json(row, keep) for row in table.rows)
    if csv:
        return render.write(formats.csv(table.rows, ops.columns(table, wanted)))
    table = ops.with_changes(project, table)
    if md:
        return render.answer(formats.markdown(table, ops.columns(table, wanted), precision))
    render.answer(_lines(table, ops.columns(table, wanted), precision), page=True)
    if remark := _remark(project, table, query):
        render.say(remark, "dim")
    return None


def _show_some(words: Sequence[str], precision: int, *, json: bool) -> None:
    """Print all about the experiments that words stand for."""

    found = details(open_project(), words)
    for complaint in complaints(found):
        render.warn(complaint)
    if json:
        return render.as_json_list(each.as_json() for each in found)
    return render.answer(lines(found, width=render.width(), precision=precision), page=True)


def _watch(project: Project, query: Query, wanted: Columns, precision: int, every: float) -> None:
    """Draw the table until no run goes on; it is for the caller to print the last one."""

    def draw() -> Picture:
        finish_dead_runs(project)
        table = ops.with_changes(project, ops.table(project, query))
        return Picture(_lines(table, ops.columns(table, wanted), precision), table.going_on)

    watch(draw, every)


def _as_json(row: Row, keep: set[tuple[str, str]] | None) -> dict[str, Any]:
    """Return a row, of its params and metrics those columns alone that were asked for."""
    data = row.as_json()
    if keep is not None:
        data["params"] = {key: value for key, value in row.params.items() if ("param", key) in keep}
        data["metrics"] = {key: value for key, value in row.metrics.items() if ("metric", key) in keep}
    return data


def _lines(table: Table, columns: Sequence[Column], precision: int) -> list[Line]:
    """Return the table as it is to be seen, and what to say of the columns that did not fit."""

    width = render.width()
    layout = lay_out(table, columns, width=width, precision=precision)
    return [*layout.lines, *([(line, "dim")] for line in _note(layout.left_out, width))]


def _remark(project: Project, table: Table, query: Query) -> str:
    """Return what to tell a person who may look for more than the table has."""
    asked = query.failed is not None or query.limit is not None or query.filter is not None
    remarks = ["No experiment is like that."] if asked and not table.experiments else []
    if not query.everything and table.elsewhere:
        remarks.append(f"{table.elsewhere:,} more on other baselines: gitexp show -A")
    elif not asked and not table.experiments:
        remarks.append(_none_yet(project))
    return " ".join(remarks)


def _none_yet(project: Project) -> str:
    """Return how there may be experiments where there are none: a colleague's, or one's own."""

    config = project.config
    has_command = config.command is not None or config.pipeline_file is not None
    first = f"The first one: gitexp run{'' if has_command else ' -- python train.py'}"
    if git_remote.remotes(project.repo.config):
        return f"No experiments here yet. Those that others have pushed: gitexp pull. {first}"
    return f"No experiments yet. {first}"


def _note(left_out: Sequence[str], width: int | None) -> list[str]:
    """Return what to say of columns that did not fit, in lines that do."""

    if not left_out or width is None:
        return []
    many = "1 column" if len(left_out) == 1 else f"{len(left_out)} columns"
    ways = ("Pick with --columns or --hide; all of them: gitexp show | less -S", "Pick with --columns.")
    said = f"{many} left out: "
    # Names are for copying: those that are there are whole.
    named = next(
        (names for names in _shorter(left_out, width) if cell_width(said + names) <= width), left_out[0]
    )
    note = elide(said + named, width)
    return [note, next((way for way in ways if len(way) <= width), elide(ways[-1], width))]


def _shorter(names: Sequence[str], width: int) -> Iterator[str]:
    """Yield all names, and then fewer and fewer of them, with how many more there are."""
    yield ", ".join(names)
    for count in range(min(len(names), width) - 1, 0, -1):
        yield f"{', '.join(names[:count])} and {len(names) - count} more"
