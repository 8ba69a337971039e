"""The rows of the experiment table as cells of text, before widths are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gitexp.catalog.fields import Row
from gitexp.files import is_number
from gitexp.model import Status
from gitexp.times import here, show_time
from gitexp.views.columns import Column
from gitexp.views.table import Table
from gitexp.words import LONGEST, clean

_PUSHED = "↑"
_STYLES: dict[Status | None, str] = {
    Status.FAILED: "red",
    Status.INTERRUPTED: "yellow",
    Status.RUNNING: "cyan",
    Status.QUEUED: "dim",
}
# The tree of experiments made from experiments grows to this depth in width; below, figures give the depth.
_DEEPEST = 8
_WIDTH_PER_LEVEL = 32


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One line of the table.

    Attributes:
        stem: the branches of the tree, drawn before the row.
        id: the first digits of the commit; "" for a row without a commit.
        created: the time in words.
        state: words about an unfinished or failed run; "" for a run with the state done.
        cells: a text for each column.
        best: the number of the column with the best value of the table.
        mark: the program behind the experiment, if not gitexp; an arrow if the experiment was pushed.
    """

    stem: str
    id: str
    name: str
    created: str
    state: str
    cells: Sequence[str]
    style: str
    best: int | None = None
    has_metrics: bool = False
    mark: str = ""

    @property
    def label(self) -> str:
        """The first column."""
        name = f"{self.id} [{self.name}]" if self.id else self.name
        return f"{self.stem}{name}{self.mark}"


def heads(columns: Sequence[Column]) -> list[str]:
    """The titles of the columns; a param with the name of a metric is marked as a param."""
    metrics = {column.key for column in columns if column.kind == "metric"}
    titles = []
    for column in columns:
        title = clean(column.key)
        if column.kind == "param" and column.key in metrics:
            title += " (param)"
        titles.append(title)
    return titles


def entries(table: Table, columns: Sequence[Column], width: int | None, precision: int) -> list[TableEntry]:
    """The lines of the table for a terminal of `width` cells (None: any width), the workspace first."""
    deepest, longest = _DEEPEST, None
    if width is not None:
        deepest, longest = min(_DEEPEST, width // _WIDTH_PER_LEVEL), LONGEST
    maker = _EntryMaker(table, columns, precision, longest)
    found = [maker.entry(table.workspace, "", "bold")]
    for group in table.groups:
        stems = [""] * len(group.rows)
        if group.head is not None:
            found.append(maker.entry(group.head, "", "bold"))
        elif group.title:
            found.append(TableEntry("", "", clean(group.title), "", "", [""] * len(columns), "bold"))
        if group.head is not None or group.title:
            stems = _stems(group.depths or [0] * len(group.rows), deepest)
        for row, stem in zip(group.rows, stems, strict=True):
            found.append(maker.entry(row, stem, _STYLES.get(row.status, "")))
    return found


class _EntryMaker:
    """Makes the entries of one table."""

    def __init__(self, table: Table, columns: Sequence[Column], precision: int, longest: int | None) -> None:
        self._columns = columns
        self._longest = longest
        self._now = here(datetime.now(UTC))
        self._precision = precision
        self._best = table.best
        self._best_at: int | None = None
        if table.sort in columns and is_number(table.best):
            self._best_at = columns.index(table.sort)

    def entry(self, row: Row, stem: str, style: str) -> TableEntry:
        is_experiment = row.kind == "experiment"
        cells = [column.text(row, self._precision, self._longest) for column in self._columns]
        best = self._best_at
        if not is_experiment or best is None or self._columns[best].value(row) != self._best:
            best = None
        else:
            cells[best] += "*"
        state = _state(row)
        if state and not row.metrics:
            # The words about the state stand in place of the metrics.
            for at, column in enumerate(self._columns):
                if column.kind == "metric":
                    cells[at] = ""
        return TableEntry(
            stem=stem,
            id=(row.commit or "?")[:7] if is_experiment else "",
            name=clean(row.name),
            created=show_time(row.created, self._now),
            state=state,
            cells=cells,
            style=style,
            best=best,
            has_metrics=bool(row.metrics),
            mark=_mark(row),
        )


def _stems(depths: Sequence[int], deepest: int) -> list[str]:
    """The branches of a tree, one text a row. Below `deepest` the branches grow no wider."""
    stems: list[str] = []
    more: set[int] = set()  # the depths at which there is another row further down
    for depth in reversed(depths):
        level = min(depth, deepest)
        rails = "".join("│   " if at in more else "    " for at in range(level))
        stroke = "──" if depth <= deepest else f"─{depth}─"
        stems.append(f"{rails}{'├' if level in more else '└'}{stroke} ")
        more = {at for at in more if at < level} | {level}
    return stems[::-1]


def _mark(row: Row) -> str:
    mark = ""
    if row.experiment is not None and row.experiment.source != "gitexp":
        mark = f" {clean(row.experiment.source)}"
    if row.pushed:
        mark += f" {_PUSHED}"
    return mark


def _state(row: Row) -> str:
    if row.error is not None:
        return "unreadable record"
    if row.status in (None, Status.DONE):
        return ""
    if row.status is Status.FAILED and row.record is not None and row.record.exit_code is not None:
        return f"failed (exit {row.record.exit_code})"
    return str(row.status)
