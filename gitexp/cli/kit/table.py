"""The experiment table as lines of styled text; widths are counted in terminal cells.

The rows are laid out here and not by rich's Table, which takes a second for a thousand of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gitexp.catalog.rows import Row
from gitexp.cli.kit.cells import elide, elide_middle
from gitexp.cli.kit.render import Piece, cell_width
from gitexp.files import is_number
from gitexp.model import Status
from gitexp.times import show_time
from gitexp.views.columns import Column, with_several_values
from gitexp.views.table import Table
from gitexp.words import LONGEST, PRECISION, clean, show_value

Line = list[Piece]

_GAP = "  "
_BEST = "bold green"
_PUSHED = "↑"
_STATE_STYLE = {
    Status.FAILED: "red",
    Status.INTERRUPTED: "yellow",
    Status.RUNNING: "cyan",
    Status.QUEUED: "dim",
}
# Where not all fits: what a cell and the first column may take at most, and what is too narrow for ids.
_NARROW_CELL = 24
_NARROW = 60
_LEAST_FIRST, _LEAST_TEXT = 16, 12
# Experiments on experiments are drawn so deep, and further ones with their depth in figures.
_DEEPEST = 8
_WIDTH_PER_LEVEL = 32
_INDENT = 4


@dataclass(frozen=True, slots=True)
class Layout:
    """The lines of a table, its header first, and the columns that did not fit."""

    lines: Sequence[Line]
    left_out: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line before widths are known.

    `label` is stem, commit id, name and the program that stored it if that is another; `state` what is
    to be said of a run that is not done.
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
        name = f"{self.id} [{self.name}]" if self.id else self.name
        return f"{self.stem}{name}{self.mark}"


def lay_out(
    table: Table, columns: Sequence[Column], *, width: int | None, precision: int = PRECISION
) -> Layout:
    """Return the table in at most `width` cells a line (None: as wide as it is)."""
    longest = None if width is None else LONGEST
    deepest = _DEEPEST if width is None else min(_DEEPEST, width // _WIDTH_PER_LEVEL)
    entries = _entries(table, columns, precision, longest, deepest)
    heads = _heads(columns)
    shown = list(range(len(columns)))
    sizes = _sizes(entries, heads, shown)
    if width is not None and _total(sizes) > width:
        entries = [_narrowed(entry, width) for entry in entries]
        kept = columns.index(table.sort) if table.sort in columns else None
        texts = {at for at, column in enumerate(columns) if column.kind == "about"}
        order = _by_weight(table, columns, kept)
        room = _room(entries, heads, width, order, kept, texts)
        entries = [_within(entry, room) for entry in entries]
        shown = _without_overrun(entries, heads, [at for at in order if at in room], width, kept)
        sizes = _sizes(entries, heads, shown)
    titles = _Entry("", "", "Experiment", "Created", "", heads, "bold")
    lines = [_entry_line(entry, shown, sizes) for entry in (titles, *entries)]
    if width is not None:
        lines = [_cut(line, width) for line in lines]
    return Layout(lines, [head for at, head in enumerate(heads) if at not in shown])


def _heads(columns: Sequence[Column]) -> list[str]:
    """Return the columns' titles; a param that is called as a metric says so."""
    metrics = {column.key for column in columns if column.kind == "metric"}
    return [
        clean(column.key) + (" (param)" if column.kind == "param" and column.key in metrics else "")
        for column in columns
    ]


def _entries(
    table: Table, columns: Sequence[Column], precision: int, longest: int | None, deepest: int
) -> list[_Entry]:
    now = datetime.now().astimezone()
    forms = [(column, precision if column.kind == "metric" else None) for column in columns]
    best_at = columns.index(table.sort) if table.sort in columns and is_number(table.best) else None

    def entry(row: Row, stem: str, style: str) -> _Entry:
        cells = [show_value(column.value(row), form, longest=longest) for column, form in forms]
        best = None
        if best_at is not None and row.kind == "experiment" and columns[best_at].value(row) == table.best:
            best = best_at
            cells[best] += "*"
        state = _state(row)
        if state and not row.metrics:
            # The words about what became of it stand where its metrics would.
            cells = ["" if c.kind == "metric" else cell for c, cell in zip(columns, cells, strict=True)]
        oid = (row.commit or "?")[:7] if row.kind == "experiment" else ""
        created, name, mark = show_time(row.created, now), clean(row.name), _mark(row)
        return _Entry(stem, oid, name, created, state, cells, style, best, bool(row.metrics), mark)

    found = [entry(table.workspace, "", "bold")]
    for group in table.groups:
        tree = group.head is not None or bool(group.title)
        if group.head is not None:
            found.append(entry(group.head, "", "bold"))
        elif group.title:
            found.append(_Entry("", "", clean(group.title), "", "", [""] * len(columns), "bold"))
        stems = _stems(group.depths or [0] * len(group.rows), deepest) if tree else [""] * len(group.rows)
        for row, stem in zip(group.rows, stems, strict=True):
            found.append(entry(row, stem, _STATE_STYLE.get(row.status, "") if row.status else ""))
    return found


def _stems(depths: Sequence[int], deepest: int) -> list[str]:
    """Return the branches of a tree, drawn before its rows; below `deepest` it grows no further in width."""
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
    """Return what stands behind a name: the program that stored it, and an arrow if it has been pushed."""
    source = row.experiment.source if row.experiment is not None else "gitexp"
    other = "" if source == "gitexp" else f" {clean(source)}"
    return f"{other} {_PUSHED}" if row.pushed else other


def _state(row: Row) -> str:
    if row.error is not None:
        return "unreadable record"
    if row.status in (None, Status.DONE):
        return ""
    code = row.record.exit_code if row.record is not None else None
    return f"failed (exit {code})" if row.status is Status.FAILED and code is not None else str(row.status)


# -- widths -------------------------------------------------------------------------------------------

_Sizes = tuple[int, int, Sequence[int]]  # of the label, of Created, of each column shown


def _sizes(entries: Sequence[_Entry], heads: Sequence[str], shown: Sequence[int]) -> _Sizes:
    first = max(len("Experiment"), *(_label_width(entry) for entry in entries))
    widths = [max(cell_width(heads[at]), *(cell_width(entry.cells[at]) for entry in entries)) for at in shown]
    return first, _created_width(entries, shown, widths), widths


def _label_width(entry: _Entry) -> int:
    # The stem's box-drawing characters are one cell each: no need to look each one up.
    brackets = len(entry.id) + 3 if entry.id else 0
    return len(entry.stem) + brackets + cell_width(entry.name) + len(entry.mark)


def _created_width(entries: Sequence[_Entry], shown: Sequence[int], widths: Sequence[int]) -> int:
    """Return the width of the second column: a state may run over into the empty columns after it."""
    plain = max(len("Created"), *(cell_width(entry.created) for entry in entries))
    for entry in entries:
        if entry.state:
            free = 0
            for at, size in zip(shown, widths, strict=True):
                if entry.cells[at]:
                    break
                free += len(_GAP) + size
            plain = max(plain, cell_width(entry.created) + 1 + len(entry.state) - free)
    return plain


def _total(sizes: _Sizes) -> int:
    first, second, widths = sizes
    return first + len(_GAP) + second + sum(len(_GAP) + size for size in widths)


def _narrowed(entry: _Entry, width: int) -> _Entry:
    """Return the entry with long texts cut in favour of more columns; very narrow ones without ids."""
    oid = entry.id if width >= _NARROW else ""
    room = max(_LEAST_FIRST, width * 2 // 5) - _INDENT - (len(oid) + 3 if oid else 0)
    # Beside metrics of its own, the state would widen the column for all: one word must do.
    state = entry.state.split(" (")[0] if entry.has_metrics else entry.state
    cells = [elide(cell, _NARROW_CELL) for cell in entry.cells]
    return replace(entry, id=oid, name=elide_middle(entry.name, max(room, 3)), state=state, cells=cells)


def _by_weight(table: Table, columns: Sequence[Column], kept: int | None) -> list[int]:
    """Return the columns, first what must not be missing: what is sorted by, then the params that differ,
    for they tell the rows apart, and metrics; the first of these before the other params."""
    heads = [group.head for group in table.groups if group.head is not None]
    differing = with_several_values(heads, table.experiments, columns)
    params = [at for at, column in enumerate(columns) if column.kind == "param" and column in differing]
    metrics = [at for at, column in enumerate(columns) if column.kind == "metric"]
    sort = [] if kept is None else [kept]
    return list(dict.fromkeys([*sort, *params[:1], *metrics[:1], *params, *metrics, *range(len(columns))]))


def _room(
    entries: Sequence[_Entry],
    heads: Sequence[str],
    width: int,
    order: Sequence[int],
    kept: int | None,
    texts: set[int],
) -> dict[int, int]:
    """Return the columns that fit and the cells of each, those first in `order` before the others; `texts`
    may be cut for it, and the one that is `kept` is always among them."""
    first, second, widths = _sizes(entries, heads, range(len(heads)))
    left = width - first - len(_GAP) - second
    room: dict[int, int] = {}
    for at in order:
        size = widths[at]
        if at in texts and size > left - len(_GAP) >= _LEAST_TEXT:
            size = left - len(_GAP)
        if at == kept or size <= left - len(_GAP):
            room[at] = size
            left -= len(_GAP) + size
    return room


def _within(entry: _Entry, room: Mapping[int, int]) -> _Entry:
    """Return the entry with cells that do not take more than their room."""
    cells = [elide(cell, room[at]) if at in room else cell for at, cell in enumerate(entry.cells)]
    return replace(entry, cells=cells)


def _without_overrun(
    entries: Sequence[_Entry], heads: Sequence[str], order: list[int], width: int, kept: int | None
) -> list[int]:
    """Return the columns that still fit where a state ran over into some that are gone now; of those in
    `order`, the last ones go first."""
    while len(order) > (kept is not None) and _total(_sizes(entries, heads, sorted(order))) > width:
        order.pop()
    return sorted(order)


# -- lines --------------------------------------------------------------------------------------------


def _entry_line(entry: _Entry, shown: Sequence[int], sizes: _Sizes) -> Line:
    first, second, widths = sizes
    created = f"{entry.created} {entry.state}" if entry.state else entry.created
    line: Line = [
        (entry.label + " " * (first - _label_width(entry)) + _GAP, entry.style),
        (_pad(created, second), entry.style),
    ]
    over = cell_width(created) - second  # cells of the state that run over into empty metric columns
    for at, size in zip(shown, widths, strict=True):
        cell = entry.cells[at]
        gap, padding = _GAP, " " * (size - cell_width(cell))
        if over > 0 and not cell:
            blank = gap + padding
            gap, padding, over = "", blank[over:], over - len(blank)
        line += [(gap, ""), (cell, _BEST if at == entry.best else entry.style), (padding, "")]
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
        size = len(text) if text.isascii() else cell_width(text)
        if size > left:
            out.append((elide(text, left) if left > 0 else "", style))
            return out
        out.append((text, style))
        left -= size
    return out
