"""The experiment table as lines of styled text; widths are counted in terminal cells.

The rows are laid out here and not by rich's Table, which takes a second for a thousand of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.cli.render import cell_width
from gitexp.cli.values import PRECISION, clean, show_time, show_value
from gitexp.model import Status
from gitexp.ops.rows import Row
from gitexp.ops.show import Column, Table

Piece = tuple[str, str]  # text, style ("" for none)
Line = list[Piece]

_GAP = "  "
_BEST = "bold green"
_STATE_STYLE = {
    Status.FAILED: "red",
    Status.INTERRUPTED: "yellow",
    Status.RUNNING: "cyan",
    Status.QUEUED: "dim",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The lines of a table, its header first, and the columns that did not fit."""

    lines: Sequence[Line]
    left_out: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line before widths are known. `state` is what is to be said of a run that is not done."""

    label: str
    created: str
    state: str
    cells: Sequence[str]
    style: str
    best: int | None = None


def lay_out(
    table: Table, columns: Sequence[Column], *, width: int | None, precision: int = PRECISION
) -> Layout:
    """Return the table in at most `width` cells a line (None: as wide as it is)."""
    entries = _entries(table, columns, precision)
    heads = _heads(columns)
    first = max([cell_width("Experiment"), *(cell_width(entry.label) for entry in entries)])
    metrics = sum(column.kind == "metric" for column in columns)
    widths = [
        max([cell_width(head), *(cell_width(entry.cells[at]) for entry in entries)])
        for at, head in enumerate(heads)
    ]
    second = _created_width(entries, widths[:metrics], metrics)
    shown = _fitting(width, first + len(_GAP) + second, widths)
    widths = widths[:shown]
    lines = [_line(("Experiment", "Created", heads[:shown]), (first, second, widths), "bold")]
    lines += [_entry_line(entry, (first, second, widths)) for entry in entries]
    if width is not None:
        lines = [_cut(line, width) for line in lines]
    return Layout(lines, heads[shown:])


def _heads(columns: Sequence[Column]) -> list[str]:
    """Return the columns' titles; a param that is called as a metric says so."""
    metrics = {column.key for column in columns if column.kind == "metric"}
    return [
        clean(column.key) + (" (param)" if column.kind == "param" and column.key in metrics else "")
        for column in columns
    ]


def _entries(table: Table, columns: Sequence[Column], precision: int) -> list[_Entry]:
    entries = [_entry(table.workspace, columns, precision, "workspace", "bold")]
    for group in table.groups:
        tree = group.head is not None or bool(group.title)
        if group.head is not None:
            entries.append(_entry(group.head, columns, precision, clean(group.head.name), "bold"))
        elif group.title:
            entries.append(_Entry(clean(group.title), "", "", [""] * len(columns), "bold"))
        for at, row in enumerate(group.rows):
            stem = ("└── " if at == len(group.rows) - 1 else "├── ") if tree else ""
            best = _best(table, row, columns)
            label = f"{stem}{(row.commit or '?')[:7]} [{clean(row.name)}]"
            entries.append(_entry(row, columns, precision, label, "", best))
    return entries


def _best(table: Table, row: Row, columns: Sequence[Column]) -> int | None:
    if table.sort is None or table.sort not in columns or table.sort.value(row) != table.best:
        return None
    return columns.index(table.sort)


def _entry(
    row: Row, columns: Sequence[Column], precision: int, label: str, style: str, best: int | None = None
) -> _Entry:
    cells = [
        show_value(column.value(row), precision if column.kind == "metric" else None) for column in columns
    ]
    if best is not None:
        cells[best] += "*"
    state = _state(row)
    if state and not row.metrics:
        # The words about what became of it stand where its metrics would.
        cells = ["" if column.kind == "metric" else cell for column, cell in zip(columns, cells, strict=True)]
    return _Entry(label, show_time(row.created), state, cells, style or _style(row), best)


def _state(row: Row) -> str:
    if row.error is not None:
        return "unreadable record"
    if row.status in (None, Status.DONE):
        return ""
    code = row.experiment.record.exit_code if row.experiment is not None else None
    return f"failed (exit {code})" if row.status is Status.FAILED and code is not None else str(row.status)


def _style(row: Row) -> str:
    return _STATE_STYLE.get(row.status, "") if row.status is not None else ""


def _created_width(entries: Sequence[_Entry], metric_widths: Sequence[int], metrics: int) -> int:
    """Return the width of the second column: a state may run over into empty metric columns."""
    plain = max([cell_width("Created"), *(cell_width(entry.created) for entry in entries)])
    room = sum(metric_widths) + len(_GAP) * metrics
    for entry in entries:
        if entry.state:
            free = room if not any(entry.cells[:metrics]) else 0
            plain = max(plain, cell_width(entry.created) + 1 + cell_width(entry.state) - free)
    return plain


def _fitting(width: int | None, used: int, widths: Sequence[int]) -> int:
    """Return how many columns fit."""
    if width is None:
        return len(widths)
    for count, column in enumerate(widths):
        used += len(_GAP) + column
        if used > width:
            return count
    return len(widths)


def _entry_line(entry: _Entry, widths: tuple[int, int, Sequence[int]]) -> Line:
    created = f"{entry.created} {entry.state}" if entry.state else entry.created
    cells = entry.cells[: len(widths[2])]
    return _line((entry.label, created, cells), widths, entry.style, entry.best)


def _line(
    texts: tuple[str, str, Sequence[str]],
    widths: tuple[int, int, Sequence[int]],
    style: str,
    best: int | None = None,
) -> Line:
    label, created, cells = texts
    first, second, others = widths
    line: Line = [(_pad(label, first) + _GAP, style), (_pad(created, second), style)]
    over = cell_width(created) - second  # cells of the state that run over into empty metric columns
    for at, (cell, width) in enumerate(zip(cells, others, strict=True)):
        gap, padding = _GAP, " " * (width - cell_width(cell))
        if over > 0 and not cell:
            blank = gap + padding
            gap, padding, over = "", blank[over:], over - len(blank)
        line += [(gap, style), (cell, _BEST if at == best else style), (padding, style)]
    while line and not line[-1][0].strip():
        line.pop()
    line[-1] = (line[-1][0].rstrip(), line[-1][1])
    return line


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cell_width(text))


def _cut(line: Line, width: int) -> Line:
    """Return a line that does not wrap."""
    left, out = width, []
    for text, style in line:
        if cell_width(text) > left:
            while text and cell_width(text) > left - 1:
                text = text[:-1]
            out.append((text + "…", style))
            return out
        out.append((text, style))
        left -= cell_width(text)
    return out
