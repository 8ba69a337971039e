"""What a report is about: the experiments of a query, and the best of them."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gitexp import errors
from gitexp.catalog import rows
from gitexp.catalog.fields import Row
from gitexp.catalog.query import UNGROUPED, Query
from gitexp.catalog.replicates import states
from gitexp.extras.reports.document import CodePiece, TablePiece
from gitexp.files import parse_key
from gitexp.model import MISSING, Flat, Status
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.project.sections.directions import direction
from gitexp.times import seconds_of, show_duration, stamp_of
from gitexp.views import columns as columns_of
from gitexp.views import diff as diffs
from gitexp.views import table as tables
from gitexp.views.columns import Column, Columns
from gitexp.views.formats import MEANS, marked, out_of_means
from gitexp.views.markup import is_at_right
from gitexp.views.near_best import NearBest
from gitexp.views.table import Table
from gitexp.views.uncertainty import BEST_LEGEND
from gitexp.words import PRECISION, clean, counted, did_you_mean, show_value

_TIMES = ("created", "finished")
_MOST_LINES = 400  # of a patch
_FIRST_LINES = 20  # of a file with a longer patch, beside other files


class Sections(dict[str, Any]):
    """Values by section, and by their whole key: `params.train.lr` and `params["train.lr"]`."""

    def __init__(self, flat: Flat) -> None:
        super().__init__()
        self._flat = dict(flat)
        for key, value in flat.items():
            self._put(key, value)

    def _put(self, key: str, value: Any) -> None:
        try:
            *above, last = map(str, parse_key(key))
        except errors.OverrideError:
            above, last = [], key
        section: dict[str, Any] = self
        for part in above:
            inner = section.setdefault(part, {})
            if not isinstance(inner, dict):
                return
            section = inner
        section.setdefault(last, value)

    def __missing__(self, key: str) -> Any:
        return self._flat[key]


class ReportedExperiment(NamedTuple):
    """An experiment for templates: plain values, without functions."""

    name: str
    status: str
    commit: str
    baseline: str
    branch: str
    created: str
    duration: float | None = None
    command: str = ""
    note: str = ""
    tags: Sequence[str] = ()
    user: str = ""
    host: str = ""
    python: str = ""
    params: Mapping[str, Any] = {}
    metrics: Mapping[str, Any] = {}


class Content:
    """The experiments of a report.

    Attributes:
        table: the table of the query.
        rows: the experiments and groups of replicates of the table, in order.
        metric: the metric for the best; "" for none.
        best: the best of the rows; None without a metric.
    """

    def __init__(self, project: Project, query: Query, wanted: Columns) -> None:
        self.project = project
        self.query = query._replace(group=UNGROUPED)
        self.wanted = wanted
        self.table = tables.table(project, self.query, wanted)
        self.rows = self.table.experiments
        self.metric = _main_metric(self.table, query)
        self.best = _best(self.table, self.metric)

    def row(self, name: str) -> Row:
        """The row of an experiment; raises UsageError for an experiment outside of the report."""
        for row in self.rows:
            if name in (row.name, *(member.name for member in row.members)):
                return row
        known = [row.name for row in self.rows]
        raise errors.UsageError(
            f"The report has no experiment '{clean(name)}'.", did_you_mean(name, known), code="template"
        )

    def main(self) -> Row | None:
        """The main row of the report: the best, else the first readable row."""
        if self.best is not None:
            return self.best
        return next((row for row in self.rows if row.record is not None), None)

    def best_text(self) -> str:
        """The best value of the metric; "" without a best row."""
        if self.best is None:
            return ""
        return Column("metric", self.metric).texts([self.best], PRECISION, None)[0]

    # -- pieces -----------------------------------------------------------------------------------

    def results(self, columns: Sequence[str] = (), limit: int | None = None) -> TablePiece:
        """The table of the experiments, with the named columns or the columns of `show`."""
        wanted = self.wanted
        if columns:
            wanted = Columns(tuple(columns), wanted.hide, wanted.only_changed)
        choice = tables.choice(self.table, wanted)
        rows = self.rows
        if limit is not None:
            rows = rows[:limit]
        heads, parts = ["Experiment"], [[_label(row) for row in rows]]
        bests, near, remarks = tables.best_values(self.table, choice.columns), NearBest(self.table), []
        for column, title, best in zip(choice.columns, columns_of.titles(choice.columns), bests, strict=True):
            heads.append(clean(title))
            of_column = near.of(column, best)
            if of_column:
                remarks = [BEST_LEGEND]
            parts.append(_texts(column, rows, best, of_column))
        if choice.same:
            remarks.append(f"The same in all: {', '.join(_same(self.rows, choice.same))}.")
        if groups := [row for row in rows if row.members]:
            remarks += [MEANS, out_of_means(groups)]
        if (more := len(self.rows) - len(rows)) > 0:
            remarks.append(f"{counted(more, 'more experiment')} not shown.")
        lines = list(map(list, zip(*parts, strict=True)))
        return TablePiece(heads, lines, is_at_right(heads, lines), " ".join(filter(None, remarks)))

    def facts(self, row: Row) -> TablePiece:
        """The facts about an experiment, a line for each fact."""
        one = reported(row)
        baseline, duration = one.baseline[:10], ""
        if one.branch:
            baseline = f"{baseline} ({one.branch})".strip()
        if one.duration is not None:
            duration = show_duration(one.duration)
        told = {
            "Command": one.command,
            "Baseline": baseline,
            "Commit": one.commit[:10],
            "Created": one.created,
            "Duration": duration,
            "By": " on ".join(filter(None, (one.user, one.host))),
            "Python": one.python,
            "Tags": ", ".join(one.tags),
        }
        if row.members:
            told["Replicates"] = ", ".join(member.name for member in row.members)
            told["State"] = ", ".join(f"{count} {status}" for status, count in states(row.members).items())
        lines = []
        for name, text in told.items():
            if text:
                lines.append([name, clean(text)])
        return TablePiece(["Fact", ""], lines, [False, False])

    def values(self, row: Row, kind: str) -> TablePiece:
        """All params or metrics of an experiment."""
        found, echoes = row.metrics, rows.echoes(row.metrics, [row.metrics])
        if kind == "params":
            found, echoes = row.params, set()
        lines = []
        for key, value in found.items():
            if key in echoes:
                continue
            lines.append([clean(key), show_value(value, PRECISION)])
        return TablePiece([kind.capitalize(), ""], lines, is_at_right(["", ""], lines))

    def changes(self, old: str | None, new: str) -> diffs.Diff:
        """The differences between two experiments or revisions; from its baseline without `old`."""
        if old is None:
            sides = diffs.points(self.project, new, None)
        else:
            sides = diffs.points(self.project, old, new)
        return diffs.with_distances(self.project, diffs.diff(self.project, *sides))

    def patch(self, found: diffs.Diff, most: int = _MOST_LINES) -> CodePiece | None:
        """The patch of the code, its first lines; None without a difference."""
        text = diffs.patch(self.project, found, color=False).decode("utf-8", "replace")
        lines = _without_floods([clean(line.replace("\t", "    ")) for line in text.splitlines()], most)
        if not lines:
            return None
        if (more := len(lines) - most) > 0:
            command = shlex.join(["gitexp", "diff", found.old.label, found.new.label, "--code"])
            lines = [*lines[:most], f"… {counted(more, 'more line')}: {clean(command)}"]
        return CodePiece("\n".join(lines), "diff")

    def reproduction(self, row: Row) -> CodePiece:
        """The commands to bring an experiment back and to run it again."""
        name = first_member(row)
        lines = [
            f"{shlex.join(['gitexp', 'pull', name])}  # if it is not here yet",
            f"{shlex.join(['gitexp', 'run', '--from', name])}  # its code and params again, beside yours",
            f"{shlex.join(['gitexp', 'branch', name])}  # the exact code as a branch",
        ]
        return CodePiece("\n".join(map(clean, lines)), "sh")


def _without_floods(lines: Sequence[str], most: int) -> list[str]:
    """The lines of a patch of several files; of a file with more than `most`, data as a rule, the first."""
    starts = [at for at, line in enumerate(lines) if line.startswith("diff --git ")]
    if len(starts) < 2:
        return list(lines)
    found = list[str]()
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        shown = end if end - start <= most else start + min(_FIRST_LINES, most)
        found += lines[start:shown]
        if shown < end:
            found.append(f"… {counted(end - shown, 'more line')} of this file")
    return found


def first_member(row: Row) -> str:
    """The name of an experiment, or of the first member of a group of replicates."""
    for member in row.members:
        return member.name
    return row.name


def reported(row: Row) -> ReportedExperiment:
    """The plain values of an experiment for templates."""
    found = ReportedExperiment(
        name=row.name,
        status=str(row.status or ""),
        commit=row.commit or "",
        baseline=row.baseline or "",
        branch=row.branch or "",
        created=_moment(row.created),
        params=Sections(row.params),
        metrics=Sections(row.metrics),
    )
    record = row.record
    if record is None:
        return found
    return found._replace(
        duration=record.duration,
        command=record.command or "",
        note=record.note,
        tags=record.tags,
        user=record.user,
        host=record.host,
        python=record.python or "",
    )


def _moment(text: str | None) -> str:
    """A time of a record in UTC, to the second, the same for every reader."""
    if not text:
        return ""
    seconds = seconds_of(text)
    if not seconds:
        return clean(text)
    return f"{stamp_of(seconds)[:19].replace('T', ' ')} UTC"


def _label(row: Row) -> str:
    label = clean(row.name)
    if row.members:
        return f"{label} ({counted(len(row.members), 'run')})"
    if row.error is not None:
        return f"{label} (unreadable)"
    if row.status in (None, Status.DONE):
        return label
    return f"{label} ({row.status})"


def _texts(column: Column, rows: Sequence[Row], best: Any, near: Collection[int]) -> list[str]:
    if column.kind == "about" and column.key in _TIMES:
        found = []
        for row in rows:
            value = column.raw(row)
            if value is MISSING:
                value = None
            found.append(_moment(value))
        return found
    return marked(rows, column, column.texts(rows, PRECISION, None), best, near)


def _same(rows: Sequence[Row], columns: Sequence[Column]) -> list[str]:
    told = []
    for column in columns:
        for row in rows:
            if column.value(row) is not MISSING:
                told.append(f"{clean(column.key)}={column.texts([row], PRECISION, 60)[0]}")
                break
    return told


def _main_metric(table: Table, query: Query) -> str:
    """The metric of --sort, else the first metric of some experiment with a direction."""
    if table.sort is not None and table.sort.kind == "metric":
        return table.sort.key
    for key in table.directions:
        if any(key in row.metrics for row in table.experiments):
            return key
    for row in table.experiments:
        for key in row.metrics:
            if direction(key, table.directions) is not None:
                return key
    return ""


def _best(table: Table, metric: str) -> Row | None:
    if not metric:
        return None
    column = Column("metric", metric)
    (best,) = tables.best_values(table, [column])
    for row in table.experiments:
        if tables.is_best(row, column.raw(row), best):
            return row
    return None
