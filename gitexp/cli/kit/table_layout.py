"""The experiment table as lines of styled text; widths are counted in terminal cells.

The rows are laid out here and not by rich's Table, which takes a second for a thousand of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gitexp.catalog.fields import BY_NAME
from gitexp.cli.kit.cells import elide, elide_middle
from gitexp.cli.kit.render import Piece, cell_width
from gitexp.cli.kit.table_entries import TableEntry, entries, heads
from gitexp.views.columns import Column, with_several_values
from gitexp.views.table import Table
from gitexp.words import PRECISION

Line = list[Piece]
_Sizes = tuple[int, int, Sequence[int]]  # of the label, of Created, of each column shown

_NAME, _CREATED = BY_NAME["name"].title, BY_NAME["created"].title
_GAP = "  "
_BEST = "bold green"
# Limits of a terminal that is too narrow for the table, in cells.
_NARROW_CELL = 24  # the most for one cell
_NARROW = 60  # below this width of the terminal, no commit ids
_LEAST_FIRST = 16  # the least for the first column, with its indent
_LEAST_TEXT = 12  # the least for a column of text that is cut
_INDENT = 4


@dataclass(frozen=True, slots=True)
class Layout:
    """The lines of a table, its header first, and the columns that did not fit."""

    lines: Sequence[Line]
    left_out: Sequence[str]


def lay_out(
    table: Table, columns: Sequence[Column], *, width: int | None, precision: int = PRECISION
) -> Layout:
    """The table in lines of at most `width` cells (None: of any width)."""
    rows = entries(table, columns, width, precision)
    titles = heads(columns)
    shown = list(range(len(columns)))
    sizes = _sizes(rows, titles, shown)
    if width is not None and _total(sizes) > width:
        rows, shown = _fitted(table, columns, rows, titles, width)
        sizes = _sizes(rows, titles, shown)
    header = TableEntry("", "", _NAME, _CREATED, "", titles, "bold")
    lines = []
    for entry in (header, *rows):
        line = _entry_line(entry, shown, sizes)
        if width is not None:
            line = _cut(line, width)
        lines.append(line)
    seen = set(shown)
    return Layout(lines, [title for at, title in enumerate(titles) if at not in seen])


def _fitted(
    table: Table, columns: Sequence[Column], rows: list[TableEntry], titles: Sequence[str], width: int
) -> tuple[list[TableEntry], list[int]]:
    """The rows with cut texts, and the numbers of the columns that fit."""
    rows = [_narrowed(row, width) for row in rows]
    kept = None
    if table.sort in columns:
        kept = columns.index(table.sort)
    order = _by_weight(table, columns, kept)
    texts = {at for at, column in enumerate(columns) if column.kind == "about"}
    room = _room(rows, titles, width, order, kept, texts)
    rows = [_within(row, room) for row in rows]
    return rows, _without_overrun(rows, titles, [at for at in order if at in room], width, kept)


# -- widths -------------------------------------------------------------------------------------------


def _sizes(rows: Sequence[TableEntry], titles: Sequence[str], shown: Sequence[int]) -> _Sizes:
    first = max(len(_NAME), *map(_label_width, rows))
    widths = []
    for at in shown:
        widths.append(max(cell_width(titles[at]), *(cell_width(entry.cells[at]) for entry in rows)))
    return first, _created_width(rows, shown, widths), widths


def _label_width(entry: TableEntry) -> int:
    # The stem's box-drawing characters are one cell each: no need to look each one up.
    width = len(entry.stem) + cell_width(entry.name) + len(entry.mark)
    if entry.id:
        width += len(entry.id) + 3  # brackets and a space
    return width


def _created_width(rows: Sequence[TableEntry], shown: Sequence[int], widths: Sequence[int]) -> int:
    """The width of the second column. A state may run over into the empty columns behind it."""
    width = max(len(_CREATED), *(cell_width(entry.created) for entry in rows))
    for entry in rows:
        if entry.state:
            free = 0
            for at, size in zip(shown, widths, strict=True):
                if entry.cells[at]:
                    break
                free += len(_GAP) + size
            width = max(width, cell_width(entry.created) + 1 + len(entry.state) - free)
    return width


def _total(sizes: _Sizes) -> int:
    first, second, widths = sizes
    return first + len(_GAP) + second + len(_GAP) * len(widths) + sum(widths)


def _narrowed(entry: TableEntry, width: int) -> TableEntry:
    """The entry with cut texts, so that more columns fit; on a very narrow terminal without an id."""
    oid, state = entry.id, entry.state
    room = max(_LEAST_FIRST, width * 2 // 5) - _INDENT
    if width < _NARROW:
        oid = ""
    if oid:
        room -= len(oid) + 3
    if entry.has_metrics:
        # Beside metrics, a long state would widen the column for all rows: one word must do.
        state = state.split(" (")[0]
    cells = [elide(cell, _NARROW_CELL) for cell in entry.cells]
    return replace(entry, id=oid, name=elide_middle(entry.name, max(room, 3)), state=state, cells=cells)


def _by_weight(table: Table, columns: Sequence[Column], kept: int | None) -> list[int]:
    """The numbers of the columns, the most important first.

    The order: the column of the sort, the first param that differs, the first metric, the other params
    that differ (they tell the rows apart), the other metrics, the rest.
    """
    differing = with_several_values(table.heads, table.experiments, columns)
    params, metrics = [], []
    for at, column in enumerate(columns):
        if column.kind == "metric":
            metrics.append(at)
        elif column.kind == "param" and column in differing:
            params.append(at)
    order = [*params[:1], *metrics[:1], *params, *metrics, *range(len(columns))]
    if kept is not None:
        order.insert(0, kept)
    return list(dict.fromkeys(order))


def _room(
    rows: Sequence[TableEntry],
    titles: Sequence[str],
    width: int,
    order: Sequence[int],
    kept: int | None,
    texts: set[int],
) -> dict[int, int]:
    """The columns with room for them, each with its width. Columns early in `order` are served first.

    The column `kept` always gets its room; columns of `texts` may be cut.
    """
    first, second, widths = _sizes(rows, titles, range(len(titles)))
    left = width - first - len(_GAP) - second - len(_GAP)  # without the gap before the next column
    room: dict[int, int] = {}
    for at in order:
        size = widths[at]
        if at in texts and size > left >= _LEAST_TEXT:
            size = left
        if at == kept or size <= left:
            room[at] = size
            left -= len(_GAP) + size
    return room


def _within(entry: TableEntry, room: Mapping[int, int]) -> TableEntry:
    """The entry with cells cut to their room."""
    cells = list(entry.cells)
    for at, size in room.items():
        cells[at] = elide(cells[at], size)
    return replace(entry, cells=cells)


def _without_overrun(
    rows: Sequence[TableEntry], titles: Sequence[str], order: list[int], width: int, kept: int | None
) -> list[int]:
    """The columns without the last ones of `order`, until the table fits.

    A state may have run over into removed columns.
    """
    while len(order) > (kept is not None) and _total(_sizes(rows, titles, sorted(order))) > width:
        order.pop()
    return sorted(order)


# -- lines --------------------------------------------------------------------------------------------


def _entry_line(entry: TableEntry, shown: Sequence[int], sizes: _Sizes) -> Line:
    first, second, widths = sizes
    created = f"{entry.created} {entry.state}".rstrip()
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
        style = entry.style
        if at == entry.best:
            style = _BEST
        line += [(gap, ""), (cell, style), (padding, "")]
    while line and not line[-1][0].strip():
        line.pop()
    line[-1] = (line[-1][0].rstrip(), line[-1][1])
    return line


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cell_width(text))


def _cut(line: Line, width: int) -> Line:
    """The line, cut so that it does not wrap."""
    left, out = width, []
    for text, style in line:
        size = cell_width(text)
        if size > left:
            out.append((elide(text, left) if left > 0 else "", style))
            return out
        out.append((text, style))
        left -= size
    return out
