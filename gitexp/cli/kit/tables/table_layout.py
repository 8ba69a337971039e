"""The experiment table as lines of styled text; widths are counted in terminal cells.

The rows are laid out here and not by rich's Table, which takes a second for a thousand of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gitexp.catalog.fields import BY_NAME
from gitexp.cli.kit.tables.table_entries import ColumnText, TableEntry, TextOfTable, text_of
from gitexp.cli.kit.terminal.cells import elide, elide_apart, elide_middle
from gitexp.cli.kit.terminal.render import Piece, cell_width
from gitexp.named_tuple import NamedTuple
from gitexp.views.columns import Choice, Column
from gitexp.views.fit import GAP, blocks, by_turns, distinct_cuts, served, short_names
from gitexp.views.formats import same_in_all
from gitexp.views.table import Table
from gitexp.views.uncertainty import BEST_LEGEND
from gitexp.words import LONGEST, PRECISION, clean

Line = list[Piece]

_NAME, _CREATED, _STATE = BY_NAME["name"].title, BY_NAME["created"].title, BY_NAME["status"].title
_BEST = "bold green"
# Limits of a terminal that is too narrow for the table, in cells.
_NARROW_CELL = 24  # the most for one cell
_NARROW = 60  # below this width of the terminal, no times
_LEAST_NAME = 12  # the least for names, if any room is left
_LEAST_TEXT = 12  # the least for a column of text that is cut
_SUBJECT = 30  # the least for the subject of a commit, if there is room
_LEAST_SUBJECT = 8
_BRIEF = ((_NARROW_CELL, 4), (_LEAST_TEXT, 3))  # cells and digits of abbreviated values


@dataclass(frozen=True, slots=True)
class Layout:
    """The lines of a table, its header first; the columns left out for lack of room; the meaning of marks."""

    lines: Sequence[Line]
    left_out: Sequence[str]
    legend: str = ""


class _FrontParts(NamedTuple):
    """The parts of the lines before the columns, if shown."""

    tree: bool = True
    commit: bool = True
    created: bool = True
    whole_state: bool = True
    subject_room: int = _SUBJECT  # cells kept free for subjects, beside empty columns


class _Sizes(NamedTuple):
    """The cells of the label, of the time and state, and of each column."""

    label: int
    about: int
    columns: Sequence[int]

    @property
    def total(self) -> int:
        return self.before + sum(self.columns) + GAP * len(self.columns)

    @property
    def before(self) -> int:
        """The cells before the columns."""
        return self.label + (self.about and GAP + self.about)


def lay_out(table: Table, choice: Choice, *, width: int | None, precision: int = PRECISION) -> Layout:
    """The table in lines of at most `width` cells (None: of any width).

    Requested columns are all shown, in blocks below each other if need be; of others, only columns with
    room for them.
    """
    longest = None if width is None else LONGEST
    text = text_of(table, choice, width, precision, longest)
    made = _laid_out(table, choice, text, width, precision)
    near = [column.title for column in text.columns if column.has_near]
    if set(near) <= set(made.left_out):
        return made
    return replace(made, legend=BEST_LEGEND)


def _laid_out(table: Table, choice: Choice, text: TextOfTable, width: int | None, precision: int) -> Layout:
    every = list(range(len(choice.columns)))
    if width is None or _sizes(text, every, _FrontParts()).total <= width:
        return Layout(_lines(text, every, _FrontParts(), width), [])
    if choice.asked:
        return Layout(list(_all_of_it(table, choice, text, width, precision)), [])
    return _most_of_it(table, choice, text, width)


def constants(table: Table, choice: Choice, width: int | None, precision: int = PRECISION) -> str:
    """A line with the columns of equal values in all experiments, and the values; "" for no columns."""
    items = list(map(clean, same_in_all(table, choice, precision, None if width is None else _NARROW_CELL)))
    if not items:
        return ""
    line = start = "Without a difference: "
    for shown in range(len(items), 0, -1):
        line = start + ", ".join(items[:shown])
        if shown < len(items):
            line += f" and {len(items) - shown} more"
        if width is None or cell_width(line) <= width:
            return line
    return elide(line, width or 0)


# -- tables that do not fit ---------------------------------------------------------------------------


def _all_of_it(table: Table, choice: Choice, text: TextOfTable, width: int, precision: int) -> Iterator[Line]:
    """The lines with all columns: with a shorter front, then with shorter values, then in blocks."""
    every = list(range(len(choice.columns)))
    front = _FrontParts()
    for part in ("subject_room", "whole_state", "created", "commit", "tree"):
        front = front._replace(**{part: False})
        if _sizes(text, every, front).total <= width:
            return iter(_lines(text, every, front, width))
    short = _short_titles(table, text)
    for cells, digits in _BRIEF:
        brief = text_of(table, choice, width, min(precision, digits), LONGEST, brief=True)
        text = _cut_texts(brief, cells, titles=short)
        if _sizes(text, every, front).total <= width:
            return iter(_lines(text, every, front, width))
    text = _cut_names(text, max(_LEAST_NAME, width // 4))
    return _blocks(text, every, front, width)


def _blocks(text: TextOfTable, every: Sequence[int], front: _FrontParts, width: int) -> Iterator[Line]:
    sizes = _sizes(text, every, front)
    if sizes.before > width // 2:
        text = _cut_names(text, max(width // 2 - (sizes.before - sizes.label), 3))
        sizes = _sizes(text, every, front)
    room = width - sizes.before
    for number, block in enumerate(blocks(sizes.columns, room)):
        if number:
            yield []
            text = _without_subjects(text)
        sizes_here = {}
        for at in block:
            sizes_here[at] = min(sizes.columns[at], max(room - GAP, 1))
        yield from _lines(_cut_columns(text, sizes_here), block, front, width)


def _most_of_it(table: Table, choice: Choice, text: TextOfTable, width: int) -> Layout:
    """The lines with the columns that have room; the most important ones are served first."""
    front = _FrontParts(commit=False, whole_state=False, subject_room=0, created=width >= _NARROW)
    text = _cut_names(_cut_texts(text, _NARROW_CELL), max(_LEAST_NAME, width * 2 // 5))
    order = _by_weight(choice, table.sort)
    every = list(range(len(choice.columns)))
    sizes = _sizes(text, every, front)
    least = []
    for at, column in enumerate(choice.columns):
        can_be_cut = column.kind == "about" or column == table.sort
        least.append(min(_LEAST_TEXT, sizes.columns[at]) if can_be_cut else sizes.columns[at])
    room = served(sizes.columns, order, width - sizes.before, least)
    text = _cut_columns(text, room)
    shown = [at for at in order if at in room]
    while len(shown) > 1 and _sizes(text, sorted(shown), front).total > width:
        shown.pop()  # a state had run over into columns that are not shown
    left_out = []
    for at, of_column in enumerate(text.columns):
        if at not in shown:
            left_out.append(of_column.title)
    return Layout(_lines(text, sorted(shown), front, width), left_out)


def _by_weight(choice: Choice, sort: Column | None) -> list[int]:
    """The numbers of the columns, the most important first: the sort, then metrics and params in turn."""
    kinds: dict[str, list[int]] = {"metric": [], "param": []}
    others: list[int] = []
    for at, column in enumerate(choice.columns):
        kinds.get(column.kind, others).append(at)
    order = [*by_turns(*kinds.values()), *others]
    if sort in choice.columns:
        order.insert(0, choice.columns.index(sort))
    return list(dict.fromkeys(order))


def _short_titles(table: Table, text: TextOfTable) -> list[str]:
    """The titles, cut where no other key of the repository, shown or not, would look the same."""
    titles = [column.title for column in text.columns]
    others = set[str]()
    if any("." in title for title in titles):
        others.update(BY_NAME)
        for row in (*table.rows, *table.everywhere()):
            others.update(row.params, row.metrics)
    return distinct_cuts(short_names(titles, others), _NARROW_CELL, elide_middle)


def _cut_texts(text: TextOfTable, most: int, *, titles: Sequence[str] = ()) -> TextOfTable:
    """The table with shorter texts in its columns, and with these titles, if any."""
    shown = titles or [column.title for column in text.columns]
    columns = []
    for column, title in zip(text.columns, shown, strict=True):
        cells = column.cells
        if not column.is_number:
            cells = elide_apart(cells, most)
        columns.append(replace(column, title=title, cells=cells))
    return replace(text, columns=columns)


def _cut_columns(text: TextOfTable, room: dict[int, int]) -> TextOfTable:
    """The table with cells and titles cut to the room of their columns."""
    columns = list(text.columns)
    for at, size in room.items():
        cells = elide_apart(columns[at].cells, size)
        columns[at] = replace(columns[at], title=elide(columns[at].title, size), cells=cells)
    return replace(text, columns=columns)


def _without_subjects(text: TextOfTable) -> TextOfTable:
    return replace(text, entries=[replace(entry, subject="") for entry in text.entries])


def _cut_names(text: TextOfTable, most: int) -> TextOfTable:
    names = list(dict.fromkeys(entry.name for entry in text.entries))
    cut = dict(zip(names, distinct_cuts(names, most, elide_middle), strict=True))
    return replace(text, entries=[replace(entry, name=cut[entry.name]) for entry in text.entries])


# -- widths -------------------------------------------------------------------------------------------


def _sizes(text: TextOfTable, shown: Sequence[int], front: _FrontParts) -> _Sizes:
    columns = []
    for at in shown:
        column = text.columns[at]
        columns.append(max(cell_width(column.title), *map(cell_width, column.cells)))
    label = len(_NAME)
    for entry in text.entries:
        label = max(label, _label_width(entry, front))
    return _Sizes(label, _about_width(text, shown, columns, front), columns)


def _label_width(entry: TableEntry, front: _FrontParts) -> int:
    # The stem's box-drawing characters are one cell each: no need to look each one up.
    width = cell_width(entry.name) + len(entry.mark)
    if front.tree:
        width += len(entry.stem)
    if front.commit and entry.id:
        width += len(entry.id) + 3  # brackets and a space
    return width


def _about_width(text: TextOfTable, shown: Sequence[int], widths: Sequence[int], front: _FrontParts) -> int:
    """The width of the time and state. A state may run over into the empty columns behind it."""
    width = len(_about_title(text.entries, front))
    for at, entry in enumerate(text.entries):
        least = words = _about(entry, front)
        if entry.subject and front.subject_room:
            least = f"{words} {entry.subject[: front.subject_room]}".strip()
            if not width:  # a subject needs a column of its own, or it looks like a value of the first
                width = cell_width(least)
        elif not entry.state:
            width = max(width, cell_width(words))
            continue
        free = _free([text.columns[column].cells[at] for column in shown], widths)
        lacking = cell_width(least) - free
        if lacking > -GAP:  # without a column of their own, the words begin behind the first gap
            lacking = max(lacking, 1)
        width = max(width, lacking)
        if front.created:
            width = max(width, cell_width(entry.created))
    return width


def _about_title(entries: Sequence[TableEntry], front: _FrontParts) -> str:
    title = ""
    for entry in entries:
        if front.created and entry.created:
            return _CREATED
        if entry.state:
            title = _STATE
    return title


def _about(entry: TableEntry, front: _FrontParts) -> str:
    """The time, and the state of a run other than done."""
    state = entry.state
    if not front.whole_state:
        state = state.split(" (")[0]
    if front.created:
        return f"{entry.created} {state}".strip()
    return state


# -- lines --------------------------------------------------------------------------------------------


def _lines(text: TextOfTable, shown: Sequence[int], front: _FrontParts, width: int | None) -> list[Line]:
    sizes = _sizes(text, shown, front)
    columns = [text.columns[at] for at in shown]
    header = TableEntry(name=_NAME, created=_about_title(text.entries, front))
    titles = [column.title for column in columns]
    lines = [_line(header, titles, columns, sizes, front._replace(created=True), None)]
    for at, entry in enumerate(text.entries):
        cells = [column.cells[at] for column in columns]
        lines.append(_line(entry, cells, columns, sizes, front, at))
    if width is None:
        return lines
    return [_cut(line, width) for line in lines]


def _line(
    entry: TableEntry,
    cells: Sequence[str],
    columns: Sequence[ColumnText],
    sizes: _Sizes,
    front: _FrontParts,
    number: int | None,
) -> Line:
    label = _label(entry, front)
    if not sizes.about:
        label = _with_subject(label, entry.subject, sizes.label)
    line: Line = [(_pad(label, sizes.label), entry.style)]
    about = _about_with_subject(entry, cells, sizes, front)
    if sizes.about or about:
        line.append((" " * GAP + _pad(about, sizes.about), entry.style))
    over = cell_width(about) - sizes.about  # cells of the words that run over into empty columns
    if about and not sizes.about:
        over += GAP
    for cell, column, size in zip(cells, columns, sizes.columns, strict=True):
        gap, space = " " * GAP, " " * (size - cell_width(cell))
        if over > 0 and not cell:
            blank = gap + space
            gap, space, over = "", blank[over:], over - len(blank)
        before, after = ("", space)
        if column.is_number:
            before, after = space, ""
        style = entry.style
        if number in column.best:
            style = _BEST
        line += [(gap + before, ""), (cell, style), (after, "")]
    while line and not line[-1][0].strip():
        line.pop()
    if line:
        line[-1] = (line[-1][0].rstrip(), line[-1][1])
    return line


def _about_with_subject(entry: TableEntry, cells: Sequence[str], sizes: _Sizes, front: _FrontParts) -> str:
    """The time and state, and as much of a subject as the empty cells behind them have room for."""
    about = _about(entry, front)
    if not sizes.about:  # a subject would look like a value of the first column
        return about
    return _with_subject(about, entry.subject, sizes.about + _free(cells, sizes.columns)).strip()


def _with_subject(words: str, subject: str, width: int) -> str:
    """Words, and behind them as much of a subject as has room in `width` cells."""
    room = width - cell_width(words)
    if words:
        room -= 1  # a space
    if not subject or room < min(_LEAST_SUBJECT, cell_width(subject)):
        return words
    return f"{words} {elide(subject, room)}"


def _free(cells: Sequence[str], widths: Sequence[int]) -> int:
    """The width of the empty cells at the start of a line."""
    free = 0
    for cell, size in zip(cells, widths, strict=True):
        if cell:
            break
        free += GAP + size
    return free


def _label(entry: TableEntry, front: _FrontParts) -> str:
    """The first column: the tree, the commit, the name and marks."""
    label = entry.name
    if front.commit and entry.id:
        label = f"{entry.id} [{entry.name}]" if entry.name else entry.id
    if front.tree:
        label = entry.stem + label
    return label + entry.mark


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cell_width(text))


def _cut(line: Line, width: int) -> Line:
    """The line, cut to the width."""
    left, out = width, []
    for text, style in line:
        size = cell_width(text)
        if size > left:
            out.append((elide(text, left) if left > 0 else "", style))
            return out
        out.append((text, style))
        left -= size
    return out
