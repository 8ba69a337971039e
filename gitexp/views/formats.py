"""The table of experiments for other programs: CSV, and Markdown or LaTeX for a text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from gitexp.catalog.fields import BY_NAME, Row, Use, used_for
from gitexp.catalog.replicates import states
from gitexp.model import MISSING, Differing, Mean, Status
from gitexp.times import show_time
from gitexp.views import markup
from gitexp.views.columns import Choice, Column, titles
from gitexp.views.markup import BestText, TableFormat
from gitexp.views.near_best import NearBest
from gitexp.views.table import Table, best_values, is_best
from gitexp.views.uncertainty import BEST_LEGEND, MARK
from gitexp.words import counted, shorten

MEANS = "Replicates: mean ± standard deviation (n)."
_BAD = (Status.FAILED, Status.INTERRUPTED)
_FIXED = used_for(Use.CSV)
_HEAD: dict[str, Callable[[Row], str]] = {
    "name": lambda row: row.name,
    "created": lambda row: show_time(row.created),
    "status": lambda row: _state(row),
}


def written(form: TableFormat, table: Table, choice: Choice, precision: int) -> list[str]:
    """The lines of the table in Markdown or LaTeX, flat. Values common to all rows stand below."""
    heads, parts = [], []
    rows = table.rows
    for name, text in _HEAD.items():
        if name not in choice.hidden:
            heads.append(BY_NAME[name].title)
            parts.append(list(map(text, rows)))
    bests, near, has_near = best_values(table, choice.columns), NearBest(table), False
    for column, title, best in zip(choice.columns, titles(choice.columns), bests, strict=True):
        heads.append(title)
        of_column = near.of(column, best)
        has_near = has_near or bool(of_column)
        parts.append(marked(rows, column, column.texts(rows, precision, None), best, of_column))
    lines = markup.table(form, heads, list(zip(*parts, strict=True)))
    if choice.same:
        said = ", ".join(same_in_all(table, choice, precision))
        lines += ["", markup.in_language(form, f"Without a difference: {said}")]
    told = list[str]()
    groups = [row for row in table.experiments if row.members]
    if groups:
        told.append(MEANS)
    if left_out := out_of_means(groups):
        told.append(f"{left_out}.")
    if has_near:
        told.append(BEST_LEGEND)
    if told:
        lines += ["", markup.in_language(form, " ".join(told))]
    return lines


def marked(
    rows: Sequence[Row], column: Column, texts: Sequence[str], best: Any, near: Collection[int]
) -> list[str]:
    """The texts of a column, with marks for the best value and for the rows `near` the best."""
    found = list[str]()
    for row, text in zip(rows, texts, strict=True):
        if is_best(row, column.raw(row), best):
            found.append(BestText(text))
        elif id(row) in near:
            found.append(text + MARK)
        else:
            found.append(text)
    return found


def out_of_means(groups: Sequence[Row]) -> str:
    """A sentence about runs and values left out of the means of some groups; "" for none."""
    ended_badly, lacking, left_out = 0, set[str](), list[str]()
    for row in groups:
        for member in row.members:
            ended_badly += member.status in _BAD
        for key, value in row.metrics.items():
            if isinstance(value, Mean) and value.left_out:
                lacking.add(key)
    if ended_badly:
        left_out.append(counted(ended_badly, "failed or interrupted run"))
    if lacking:
        left_out.append(f"NaN and missing values of {shorten(sorted(lacking))}")
    if not left_out:
        return ""
    return f"Left out of the means: {'; '.join(left_out)}"


def _state(row: Row) -> str:
    """The state of an experiment; of a group the number of replicates in each state."""
    if row.members:
        return ", ".join(f"{count} {status}" for status, count in states(row.members).items())
    return str(row.status or "-")


def csv(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """The CSV of the rows, values in full. A metric with means has two more columns, `sd` and `n`."""
    further = []
    for column in columns:
        if column.kind != "about" or column.key not in _FIXED:
            further.append(column)
    heads, values_of = list[str](), list[list[Any]]()
    fixed = [Column("about", name) for name in _FIXED]
    for column, title in zip(further, titles([*fixed, *further])[len(fixed) :], strict=True):
        values = list(map(column.raw, rows))
        heads.append(title)
        values_of.append(list(map(_in_full, values)))
        if any(isinstance(value, Mean) for value in values):
            heads += [f"{title} sd", f"{title} n"]
            values_of += _spreads(values)
    if any(row.members for row in rows):
        heads.append("members")
        values_of.append(list(map(_members, rows)))
    lines: list[list[Any]] = [markup.own_titles([*_FIXED, *heads])]
    for at, row in enumerate(rows):
        line = [field.read(row) for field in _FIXED.values()]
        for values in values_of:
            line.append(values[at])
        lines.append(line)
    return markup.csv_table(lines)


def _members(row: Row) -> str:
    """The names of a group's members, for one cell."""
    return " ".join(member.name for member in row.members)


def _in_full(value: Any) -> Any:
    """A value for other programs: a mean becomes a number, and different values become a list."""
    if isinstance(value, Mean):
        return float(value)
    if isinstance(value, Differing):
        return list(value)
    return value


def _spreads(values: Sequence[Any]) -> list[list[Any]]:
    """The standard deviation of each mean, and the number of values; MISSING beside other values."""
    deviations, counts = list[Any](), list[Any]()
    for value in values:
        if isinstance(value, Mean):
            deviations.append(value.deviation)
            counts.append(value.count)
        else:
            deviations.append(MISSING)
            counts.append(MISSING)
    return [deviations, counts]


def same_in_all(table: Table, choice: Choice, precision: int, longest: int | None = None) -> list[str]:
    """The columns that are the same in all experiments, each with its value: `seed=1`."""
    found = []
    for column in choice.same:
        for row in table.experiments:
            if column.value(row) is not MISSING:
                found.append(f"{column.key}={column.texts([row], precision, longest)[0]}")
                break
    return found
