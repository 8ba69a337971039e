"""`gitexp list`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any

from gitexp.catalog import rows
from gitexp.catalog.fields import Row, Use, used_for
from gitexp.catalog.query import UNGROUPED, Query, matching
from gitexp.cli.kit import options
from gitexp.cli.kit.documents import answer
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.model import MISSING, Stored
from gitexp.project.project import Project
from gitexp.views import markup
from gitexp.views.columns import Column, Columns
from gitexp.views.markup import TableFormat
from gitexp.words import clean

EPILOG = """Examples:
gitexp list
gitexp list -A --json
gitexp list --filter "acc > 0.9 and created > '2 days ago'"
gitexp list --sort acc --desc --limit 5 --columns acc,train.lr
gitexp list --remote origin
"""


_LISTED = used_for(Use.LIST)
Remote = Annotated[str | None, options.git_remote("Those that a Git remote has, by name.")]


@with_query
def list_names(
    query: Query = PLAIN,
    limit: options.Limit = None,
    sort: options.Sort = None,
    desc: options.Descending = None,
    columns: options.Only = None,
    hide: options.Hide = None,
    form: options.AsTable = None,
    remote: Remote = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Print the names of experiments, the newest first.

    One a line; with --columns the values of these behind it, with tabs between. With --json: a list of
    objects with name, commit, baseline, status and created; with --remote of objects with name, record and
    here, the name of the same one here.
    """
    if remote is not None:
        options.alone("--remote", query != PLAIN, sort, columns or hide)
        return _list_remote(remote, limit, form, quiet=quiet, json=json)
    query = query._replace(limit=limit)
    options.only_one(json=json, format=form is not None)
    if sort is not None or columns or hide or form:
        query = query._replace(sort=sort, descending=bool(desc), group=UNGROUPED)
        wanted = Columns(tuple(options.split(columns)), tuple(options.split(hide)))
        return _list_table(
            open_project(reads_all=True, only_looks=True, quiet=quiet), query, wanted, form, json=json
        )
    found = matching(open_project(reads_all=True, only_looks=True, quiet=quiet), query)
    if json:
        return render.as_json_list(map(_as_json, found))
    return render.answer(clean(experiment.name) for experiment in found)


register = registration(list_names, EPILOG, "list")


def _as_json(experiment: Stored) -> dict[str, Any]:
    head = rows.of_experiment(experiment).row(params={}, metrics={})
    return {name: field.read(head) for name, field in _LISTED.items()}


def _list_table(
    project: Project, query: Query, wanted: Columns, form: TableFormat | None, *, json: bool
) -> None:
    """Print the names in an order, or with values: a line each, with tabs between the values."""
    # The names alone must not wait for what makes a table.
    from gitexp.views import table as tables

    found = tables.table(project, query)
    columns: list[Column] = []
    if wanted.only:
        columns = tables.columns(found, replace(wanted, hide=()))
    columns = [column for column in columns if column.key not in wanted.hide]
    if json:
        return render.as_json_list(_with_values(row, columns) for row in found.experiments)
    fields = ["name"]
    if form is not None and not columns:
        fields = list(_LISTED)
    fields = [name for name in fields if name not in wanted.hide]
    lines = _lines(found.experiments, fields, columns)
    if form is not None:
        titles = [*fields, *(column.key for column in columns)]
        return render.answer(markup.table(form, titles, lines))
    return render.answer("\t".join(map(markup.as_text, line)) for line in lines)


def _lines(shown: Iterable[Row], fields: Sequence[str], columns: Sequence[Column]) -> list[list[Any]]:
    """The values of each row: of the fields, then of the columns."""
    readers: list[Callable[[Row], Any]] = [_LISTED[name].read for name in fields]
    readers += [column.raw for column in columns]
    return [[read(row) for read in readers] for row in shown]


def _with_values(row: Row, columns: Sequence[Column]) -> dict[str, Any]:
    document = {name: field.read(row) for name, field in _LISTED.items()}
    if columns:
        values = {}
        for column in columns:
            if (value := column.raw(row)) is not MISSING:
                values[column.key] = value
        document["values"] = values
    return document


def _list_remote(
    remote: str, limit: int | None, form: TableFormat | None, *, quiet: bool, json: bool
) -> None:
    # The names of one's own experiments must not wait for what speaks to remotes.
    from gitexp.cli.kit.exchange import contact
    from gitexp.sharing import elsewhere

    with contact(quiet=quiet) as on_line:
        found = elsewhere.listed(open_project(quiet=quiet), remote, on_line)[:limit]
    if json or form:
        return answer(map(asdict, found), form, json=json)
    return render.answer(clean(one.name) for one in found)
