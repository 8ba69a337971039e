"""The table of all experiments as one JSON document, with the values of `show --json`.

rows      for each line of the table, from the top down: its key, kind and depth, the line above it in the
          tree, its place in the palette
columns   what the lines have: fields, metrics and params, each with its values from the top down; of a metric
          also the lines `near` the best value, which may be as good
fields    what filters know besides metrics and params
shown     the columns that people see at first
curve     the column whose curves are seen at first, of a metric that was logged; null for none

A column without `at` has a value for each line. With `at`, the numbers of the lines with a value; the others
have the `default`, or lack the value if there is none. `cells` says what a value may be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from gitexp.catalog.fields import FIELDS, Field, Row, Use, used_for
from gitexp.catalog.rows import metric_keys, param_keys
from gitexp.extras.plots.palette import COLOURS, colours
from gitexp.extras.web.cells import cell
from gitexp.extras.web.keys import keys_of
from gitexp.files.keys import get, way
from gitexp.model import MISSING, Flat
from gitexp.named_tuple import NamedTuple
from gitexp.project.sections.directions import direction
from gitexp.runs.logged_values.logged_files import SUMMARY
from gitexp.views.columns import Choice, Column
from gitexp.views.near_best import NearBest
from gitexp.views.table import Group, Table, best_values

_ALONE = -1  # in the place of the line above: there is none
# Fields that a page neither shows nor asks for: `rows` has some, and params and metrics are columns.
_NOTHING = Row("workspace", "", None)  # whose fields have their values for rows without any
_LEFT_OUT = ("kind", "params", "metrics", "changes", "error")


class TableLine(NamedTuple):
    """One line of the table.

    Attributes:
        row: the workspace, a baseline, an experiment, a group of replicates or a member of a group.
        depth: the level in the tree.
        above: the number of the parent line; -1 for none.
        is_member: true for a member of a group of replicates.
    """

    row: Row
    depth: int = 0
    above: int = _ALONE
    is_member: bool = False


def lines_of(table: Table) -> list[TableLine]:
    """The lines of a table from the top down; the members of a group are below the group."""
    found = [TableLine(table.workspace)]
    for group in table.groups:
        found += _of_group(group, len(found))
    return found


def _of_group(group: Group, start: int) -> list[TableLine]:
    """The lines of a group; the first line has the number `start`."""
    found = []
    base = _ALONE
    if group.head is not None:
        base = start
        found.append(TableLine(group.head))
    last_at: dict[int, int] = {}  # by depth, the last line there
    for row, depth in zip(group.rows, group.depths or [0] * len(group.rows), strict=True):
        number = start + len(found)
        above = base
        if depth:
            above = last_at[depth - 1]
        last_at[depth] = number
        found.append(TableLine(row, depth + 1, above))
        for member in row.members:
            found.append(TableLine(member, depth + 2, number, is_member=True))
    return found


def table_document(
    table: Table, lines: Sequence[TableLine], choice: Choice, before: Sequence[TableLine] | None = None
) -> dict[str, Any]:
    """The document of a table with its present lines. `choice`: the columns shown at first.

    With the lines `before`, only the changes since: `from` has the earlier number of each line, -1 for a new
    or changed line, and columns have the values of new or changed lines only.
    """
    found = [line.row for line in lines]
    numbered = list(enumerate(found))
    news: dict[str, Any] = {}
    if before is not None:
        known = _known(lines, before)
        numbered = []
        for number, old in enumerate(known):
            if old == _ALONE:
                numbered.append((number, found[number]))
        news = {"from": known}
    count = len(lines)
    columns = list[dict[str, Any]]()
    for field in filter(_is_shown, FIELDS):
        column = _of_field(field, numbered, count)
        if column is not None:
            columns.append(column)
    columns += _of_values("metric", metric_keys(found), numbered, count, table.directions)
    _add_near(table, lines, columns)
    columns += _of_values("param", param_keys(found), numbered, count, {})
    return {
        **news,
        "rows": _rows(lines),
        "columns": columns,
        "fields": _asked_fields(),
        "shown": _shown(choice),
        "curve": _with_curve(choice, found),
        "complaints": [*table.complaints],
    }


def _known(lines: Sequence[TableLine], before: Sequence[TableLine]) -> list[int]:
    """The earlier number of each line; -1 for a new or changed line."""
    numbers = {_identity(line): number for number, line in enumerate(before)}
    found = []
    for line in lines:
        number = numbers.get(_identity(line), _ALONE)
        if number != _ALONE and before[number].row != line.row:
            number = _ALONE
        found.append(number)
    return found


def _identity(line: TableLine) -> tuple[str, str, str | None, bool]:
    row = line.row
    commit = row.commit
    if row.experiment is not None:
        commit = row.experiment.id
    return row.kind, row.name, commit, line.is_member


def _is_shown(field: Field) -> bool:
    return bool(field.uses & (Use.JSON | Use.FILTER | Use.ASKED | Use.COLUMN)) and field.name not in _LEFT_OUT


def _asked_fields() -> dict[str, Any]:
    """The fields for filters: their types, and their values in an empty row."""
    found = {}
    for name, field in used_for(Use.FILTER).items():
        default = None
        if field.kind != "values":
            default = _plain(field.read(_NOTHING))
        found[name] = {"type": field.kind, "default": default}
    return found


def _shown(choice: Choice) -> list[str]:
    """The ids of the columns shown at first: metrics, then params, then fields."""
    return [column_id(column.kind, column.key) for column in choice.columns if column.kind != "file"]


def _with_curve(choice: Choice, found: Sequence[Row]) -> str | None:
    """The id of the first metric shown that a run has logged, or of the first one where nobody can say."""
    metrics = [column for column in choice.columns if column.kind == "metric"]
    logged = []
    for row in found:
        if row.record is not None and row.record.series:
            logged.append(row.record.metrics.get(SUMMARY, {}))
    if not metrics or not logged:
        return None
    for column in metrics:
        names = way(column.key.rpartition(":")[2])  # the metric of a file is logged under its key
        if names and any(get(tree, names) is not MISSING for tree in logged):
            return column_id(column.kind, column.key)
    return column_id(metrics[0].kind, metrics[0].key)


def column_id(kind: str, key: str) -> str:
    """The name of a column in documents and addresses: `metrics.acc`, `params.lr`, or the name of a field."""
    if kind == "about":
        return key
    return f"{kind}s.{key}"


def _rows(lines: Sequence[TableLine]) -> dict[str, Any]:
    keys = keys_of([line.row for line in lines])
    names = [line.row.name for line in lines]
    errors = {}
    members = {}
    for number, line in enumerate(lines):
        if line.row.error is not None:
            errors[number] = line.row.error
        if line.row.members:
            members[number] = len(line.row.members)
    return {
        "key": keys,
        "kind": ["member" if line.is_member else line.row.kind for line in lines],
        "depth": [line.depth for line in lines],
        "above": [line.above for line in lines],
        "colour": [COLOURS.index(colours([name])[0]) for name in names],
        "error": errors,
        "members": members,
    }


def _of_field(field: Field, found: Sequence[tuple[int, Row]], count: int) -> dict[str, Any] | None:
    """The column of a field in some of `count` lines, with their numbers; None for an empty column."""
    default = field.read(_NOTHING)
    at, values = [], []
    for number, row in found:
        value = field.read(row)
        if value != default:
            at.append(number)
            values.append(_plain(value))
    if not at:
        return None
    column: dict[str, Any] = {"id": field.name, "kind": "about", "key": field.name, "type": field.kind}
    column |= {"title": field.title or field.name}
    return {**column, "default": _plain(default), **_placed(at, values, count)}


def _plain(value: Any) -> Any:
    """The value of a field: a cell, or a list of plain texts."""
    if isinstance(value, (list, tuple)):
        return [str(one) for one in value]
    return cell(value)


def _of_values(
    kind: str,
    keys: Sequence[str],
    found: Sequence[tuple[int, Row]],
    count: int,
    directions: Mapping[str, str],
) -> list[dict[str, Any]]:
    """The columns of the metrics or the params in some of `count` lines."""
    read: Callable[[Row], Flat] = attrgetter(f"{kind}s")
    at: dict[str, list[int]] = {key: [] for key in keys}
    values: dict[str, list[Any]] = {key: [] for key in keys}
    for number, row in found:
        for key, value in read(row).items():
            if value is not MISSING:
                at[key].append(number)
                values[key].append(cell(value))
    columns = []
    for key in keys:
        column: dict[str, Any] = {"id": column_id(kind, key), "kind": kind, "key": key, "title": key}
        if kind == "metric" and (known := direction(key, directions)) is not None:
            column["direction"] = known
        columns.append({**column, **_placed(at[key], values[key], count)})
    return columns


def _add_near(table: Table, lines: Sequence[TableLine], columns: Sequence[dict[str, Any]]) -> None:
    """Add to the columns of metrics which lines may be as good as the best one."""
    near = NearBest(table)
    if not near.has_noise:
        return
    number_of = {id(line.row): number for number, line in enumerate(lines)}
    metrics = [column for column in columns if column["kind"] == "metric"]
    bests = best_values(table, [Column("metric", column["key"]) for column in metrics])
    for column, best in zip(metrics, bests, strict=True):
        found = near.of(Column("metric", column["key"]), best)
        at = sorted(number_of[row] for row in found if row in number_of)
        if at:
            column["near"] = {"best": float(best), "at": at}


def _placed(at: Sequence[int], values: Sequence[Any], count: int) -> dict[str, Any]:
    if len(at) == count:
        return {"values": values}
    return {"at": at, "values": values}
