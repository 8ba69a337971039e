"""`gitexp show`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import typer

from gitexp import errors
from gitexp.catalog.fields import Row
from gitexp.catalog.query import Query
from gitexp.cli.kit import options, render
from gitexp.cli.kit.cells import elide
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.render import cell_width
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.table_layout import Line, constants, lay_out
from gitexp.cli.kit.watch import Picture, watch
from gitexp.project.project import Project
from gitexp.repo import git_remote
from gitexp.runs.recover import finish_dead_runs
from gitexp.views import formats
from gitexp.views import table as ops
from gitexp.views.columns import Choice, Columns
from gitexp.views.table import Table
from gitexp.words import PRECISION, counted

EPILOG = """Examples:
gitexp show --sort acc --desc -n 10
gitexp show exp-333c9    (all about one)
gitexp show -A --only-changed
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
        "[EXP]...", "All about these alone: names, unique prefixes or commit ids.", "experiments"
    ),
]
Sort = Annotated[
    str | None, options.keys("Metric or param to sort by, or created; * marks the first value.", "KEY")
]
Descending = Annotated[bool, typer.Option("--desc", help="Sort from high to low.")]
Group = Annotated[str, typer.Option(metavar="none|baseline|PARAM", help="What to group the rows by.")]
Only = Annotated[list[str] | None, options.keys("Only these columns; * matches.")]
Hide = Annotated[list[str] | None, options.keys("Not these columns.")]
OnlyChanged = Annotated[bool, typer.Option("--only-changed", help="Only columns whose values differ.")]
Precision = Annotated[
    int, typer.Option(metavar="N", callback=_digits, help="Significant digits of metrics, 1 to 17.")
]
Watch = Annotated[
    bool, typer.Option("--watch", help="Draw the table again and again for as long as runs go on.")
]
Every = Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="How often --watch draws the table.")]


def show(
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
    experiments made from the commit of HEAD. With names: all facts about each of them, its params beside the
    params of its baseline, metrics, stages, data and warnings.
    """
    query = Query(everything, sort, desc, group, failed, number, filter_text, all_projects)
    wanted = Columns(options.split(columns), options.split(hide), only_changed)
    if words:
        if query != Query() or columns or hide or only_changed or watch or csv or md:
            raise errors.UsageError(
                "The options of the table do not go with the names of experiments.",
                "With names, --json and --precision do. The table of some: gitexp show --filter EXPR",
            )
        return _show_some(words, precision, json=json)
    options.only_one(json=json, csv=csv, md=md, watch=watch)
    project = open_project(reads_all=True)
    if watch:
        _watch(project, query, wanted, precision, every)
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
    render.answer(_lines(table, choice, precision), page=True)
    if remark := _remark(project, table, query):
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
        render.answer(lines(found, width=render.width(), precision=precision), page=True)


def _watch(project: Project, query: Query, wanted: Columns, precision: int, every: float) -> None:
    """Draw the table until no run goes on. The caller prints the last table."""

    def draw() -> Picture:
        finish_dead_runs(project)
        table = ops.with_changes(project, ops.table(project, query))
        return Picture(_lines(table, ops.choice(table, wanted), precision), table.going_on)

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


def _lines(table: Table, choice: Choice, precision: int) -> list[Line]:
    """The table for the screen, with what is the same in all rows and a note about columns without room."""
    width = render.width()
    layout = lay_out(table, choice, width=width, precision=precision)
    lines = list(layout.lines)
    if same := constants(table, choice, width, precision):
        lines.append([(same, "dim")])
    for line in _note(layout.left_out, width):
        lines.append([(line, "dim")])
    return lines


def _remark(project: Project, table: Table, query: Query) -> str:
    """Words for a person who may look for more experiments than the table has; "" for none."""
    asked = query.failed is not None or query.limit is not None or query.filter is not None
    remarks = []
    if asked and not table.experiments:
        remarks.append("No experiment is like that.")
    if not query.everything and table.elsewhere:
        remarks.append(f"{table.elsewhere:,} more on other baselines: gitexp show -A")
    elif not asked and not table.experiments and not table.beside:
        remarks.append(_none_yet(project))
    if table.beside:
        remarks.append(f"{table.beside:,} more in other projects: gitexp show -A --all-projects")
    return " ".join(remarks)


def _none_yet(project: Project) -> str:
    """The ways to a first experiment: a colleague's, or one's own."""
    config = project.config
    first = "The first one: gitexp run"
    if config.command is None and config.pipeline_file is None:
        first += " -- python train.py"
    if git_remote.remotes(project.repo.config):
        return f"No experiments here yet. Those that others have pushed: gitexp pull. {first}"
    return f"No experiments yet. {first}"


def _note(left_out: Sequence[str], width: int | None) -> list[str]:
    """A note about the columns that did not fit, in lines that fit."""
    if not left_out or width is None:
        return []
    said = f"{counted(len(left_out), 'column')} left out: "
    ways = ("Pick with --columns or --hide; all of them: gitexp show | less -S", "Pick with --columns.")
    return [
        elide(said + _first_that_fits(_shorter(left_out, width), width - cell_width(said)), width),
        elide(_first_that_fits(ways, width), width),
    ]


def _first_that_fits(texts: Iterable[str], width: int) -> str:
    """The first text of at most `width` cells; the last text if none is so short."""
    text = ""
    for text in texts:
        if cell_width(text) <= width:
            break
    return text


def _shorter(names: Sequence[str], width: int) -> Iterator[str]:
    """All names, then fewer and fewer of them with the number of the others; at last the first name alone.

    Names are for copying: none is cut.
    """
    yield ", ".join(names)
    for count in range(min(len(names), width) - 1, 0, -1):
        yield f"{', '.join(names[:count])} and {len(names) - count} more"
    yield names[0]
