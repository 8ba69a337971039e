"""The rows of the experiment table as cells of text, before widths are known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gitexp import files
from gitexp.catalog.fields import EXPERIMENTS, Row
from gitexp.catalog.replicates import group_label, states
from gitexp.catalog.superseded import superseded
from gitexp.model import MISSING, Status, Stored
from gitexp.times import here, show_brief_moment, show_time
from gitexp.views.columns import TREE, Choice, Column, titles
from gitexp.views.near_best import NearBest
from gitexp.views.numbers import aligned
from gitexp.views.table import Group, Table, best_values, is_best
from gitexp.views.uncertainty import MARK
from gitexp.words import clean, show_value

STAR = "*"
GOING_ON = "…"  # behind a value that a running experiment has logged last
_CREATED = Column("about", "created")
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
    """The head of one line of the table: everything before the columns.

    Attributes:
        stem: the branches of the tree, drawn before the row.
        id: the first digits of the commit; "" for a row without a commit.
        mark: the number of replicates; the program behind the experiment, if not gitexp; an arrow if the
            experiment was pushed.
        subject: the subject of a baseline's commit.
        created: the time in words.
        state: words about an unfinished or failed run; "" for a run with the state done.
    """

    stem: str = ""
    id: str = ""
    name: str = ""
    mark: str = ""
    subject: str = ""
    created: str = ""
    state: str = ""
    style: str = "bold"


@dataclass(frozen=True, slots=True)
class ColumnText:
    """One column as text.

    Attributes:
        cells: a text for each entry.
        is_number: numbers, set at the right edge.
        best: the numbers of the entries with the best value.
        has_near: whether other values may be equally good.
    """

    title: str
    cells: Sequence[str]
    is_number: bool = False
    best: frozenset[int] = frozenset()
    has_near: bool = False


@dataclass(frozen=True, slots=True)
class TextOfTable:
    """The text of a table: the heads of the lines, and the columns."""

    entries: Sequence[TableEntry]
    columns: Sequence[ColumnText]


def text_of(
    table: Table,
    choice: Choice,
    width: int | None,
    precision: int,
    longest: int | None,
    *,
    brief: bool = False,
) -> TextOfTable:
    """The table as text for a terminal of `width` cells (None: any width), the workspace first.

    A value has at most `longest` characters. With `brief`, params have the precision of metrics, and texts
    are whole, for the caller to cut.
    """
    found, rows = _entries(table, choice, width)
    maker = _ColumnMaker(found, rows, precision, longest, brief=brief)
    columns = []
    bests, near = best_values(table, choice.columns), NearBest(table)
    for column, title, best in zip(choice.columns, titles(choice.columns), bests, strict=True):
        of_column = near.of(column, best)
        made = maker.text(column, clean(title), best, of_column)
        columns.append(replace(made, has_near=bool(of_column)))
    return TextOfTable(found, columns)


def _entries(table: Table, choice: Choice, width: int | None) -> tuple[list[TableEntry], list[Row | None]]:
    """The entries, and the row of each; None for the title of a group."""
    deepest = _DEEPEST
    if width is not None:
        deepest = min(_DEEPEST, width // _WIDTH_PER_LEVEL)
    now = here(datetime.now(UTC))
    entries = [_entry(table.workspace, "", "bold", choice, now)]
    rows: list[Row | None] = [table.workspace]
    gone_on = superseded(_experiments(table.groups))
    for group in table.groups:
        if group.head is not None:
            entries.append(_entry(group.head, "", "bold", choice, now))
            rows.append(group.head)
        elif group.title:
            entries.append(TableEntry(name=clean(group.title)))
            rows.append(None)
        for row, stem in zip(group.rows, _stems_of(group, choice, deepest), strict=True):
            entry = _entry(row, stem, _style(row), choice, now)
            if entry.state and row.record is not None and row.record.commit in gone_on:
                entry = replace(entry, state=f"{entry.state}, resumed")
            entries.append(entry)
            rows.append(row)
    return entries, rows


def _experiments(groups: Iterable[Group]) -> Iterator[Stored]:
    """Yield the experiments of the rows of some groups."""
    for group in groups:
        for row in group.rows:
            if row.experiment is not None:
                yield row.experiment


def _style(row: Row) -> str:
    """The style of an experiment; a group with some results is not drawn as a failed run."""
    if row.members and row.metrics:
        return ""
    return _STYLES.get(row.status, "")


def _stems_of(group: Group, choice: Choice, deepest: int) -> list[str]:
    if TREE in choice.hidden or (group.head is None and not group.title):
        return [""] * len(group.rows)
    return _stems(group.depths or [0] * len(group.rows), deepest)


def _entry(row: Row, stem: str, style: str, choice: Choice, now: datetime) -> TableEntry:
    hidden = choice.hidden
    has_id = row.kind in EXPERIMENTS and "commit" not in hidden
    return TableEntry(
        stem=stem,
        id=(row.commit or "?")[:7] if has_id else "",
        name="" if "name" in hidden else clean(row.name),
        mark=_mark(row),
        subject=clean(row.subject),
        created="" if "created" in hidden else show_time(row.created, now),
        state="" if "status" in hidden else _state(row),
        style=style,
    )


class _ColumnMaker:
    """Makes the columns of one table."""

    def __init__(
        self,
        entries: Sequence[TableEntry],
        rows: Sequence[Row | None],
        precision: int,
        longest: int | None,
        *,
        brief: bool,
    ) -> None:
        self._precision = precision
        self._longest = longest
        self._brief = brief
        self._lines = len(rows)
        self._rows = list[Row]()
        self._places = list[int]()  # the lines of the rows
        # The words about the state of a run, or the subject of a commit, stand in place of missing metrics.
        self._worded = list[int]()
        for at, (entry, row) in enumerate(zip(entries, rows, strict=True)):
            if row is None:
                continue
            self._rows.append(row)
            self._places.append(at)
            if not row.metrics and (entry.state or entry.subject):
                self._worded.append(at)

    def text(self, column: Column, title: str, best_one: object, near: Collection[int]) -> ColumnText:
        rows = self._rows
        values = [column.raw(row) for row in rows]
        cells = self._brief_cells(column) if self._brief else None
        if cells is None:
            cells = column.texts(rows, self._precision, self._longest)
        if column.kind == "metric":
            for at, row in enumerate(rows):
                if row.status is Status.RUNNING and values[at] is not MISSING:
                    cells[at] += GOING_ON
        best = set()
        for at, row in enumerate(rows):
            if is_best(row, values[at], best_one):
                best.add(self._places[at])
                cells[at] += STAR
            elif id(row) in near:
                cells[at] += MARK
        return self._placed(column, title, values, cells, best)

    def _brief_cells(self, column: Column) -> list[str] | None:
        """Short values of params and fields; None for other columns.

        Texts are whole: whoever cuts them must know where they differ.
        """
        if column.kind not in ("param", "about"):
            return None
        if column == _CREATED:
            return [show_brief_moment(row.created) if row.created else "" for row in self._rows]
        cells = []
        for value in map(column.value, self._rows):
            longest = None if isinstance(value, str) else self._longest
            cells.append(show_value(value, self._precision, longest=longest))
        return cells

    def _placed(
        self, column: Column, title: str, values: Sequence[object], cells: list[str], best: set[int]
    ) -> ColumnText:
        """The column with empty cells for titles of groups and for words in place of metrics.

        `best` has the numbers of the lines with the best value.
        """
        placed = [""] * self._lines
        for at, cell in zip(self._places, cells, strict=True):
            placed[at] = cell
        if column.kind == "metric":
            for at in self._worded:
                placed[at] = ""
        present = [value for value in values if value is not MISSING]
        is_number = column.kind != "about" and all(map(files.is_number, present))
        if is_number:
            placed = aligned(placed)
        return ColumnText(title, placed, is_number, frozenset(best))


def _stems(depths: Sequence[int], deepest: int) -> list[str]:
    """The branches of a tree, one text a row. Below `deepest` the branches grow no wider."""
    stems: list[str] = []
    more: set[int] = set()  # the depths at which there is another row further down
    for depth in reversed(depths):
        level = min(depth, deepest)
        rails = ""
        for at in range(level):
            rails += "│   " if at in more else "    "
        stroke = "──" if depth <= deepest else f"─{depth}─"
        stems.append(f"{rails}{'├' if level in more else '└'}{stroke} ")
        more = {at for at in more if at < level} | {level}
    return stems[::-1]


def _mark(row: Row) -> str:
    mark = ""
    if row.members:
        mark = group_label("", len(row.members))
    if row.experiment is not None and row.experiment.source != "gitexp":
        mark = f" {clean(row.experiment.source)}"
    if row.pushed:
        mark += f" {_PUSHED}"
    return mark


def _state(row: Row) -> str:
    if row.error is not None:
        return "unreadable record"
    if row.members:
        counts = states(row.members)
        counts.pop(Status.DONE, None)
        return ", ".join(f"{count} {status}" for status, count in counts.items())
    if row.status in (None, Status.DONE):
        return ""
    if row.status is Status.FAILED and row.record is not None and row.record.exit_code is not None:
        return f"failed (exit {row.record.exit_code})"
    return str(row.status)
