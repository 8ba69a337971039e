"""A small table under a title. `diff` and `show EXP` are made of such tables."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.cli.kit.terminal.render import Piece, cell_width

Cells = list[Piece]

_GAP = "  "


def side_by_side(heads: Sequence[str], rows: Sequence[Cells], width: int | None) -> list[list[Piece]]:
    """The rows in columns. A row that does not fit the terminal has labelled values below each other."""
    titles: Cells = [(head, "bold") for head in heads]
    sizes = _widths(titles)
    kept: set[int] = set()
    for row in sorted(rows, key=_width):
        wider = list(map(max, sizes, _widths(row)))
        if width is not None and (_width(row) > width or (kept and _total(wider) > width)):
            break
        kept.add(id(row))
        sizes = wider
    out = [_row(titles, sizes)]
    widest = max(map(cell_width, heads[1:]), default=0)
    for row in rows:
        if id(row) in kept:
            out.append(_row(row, sizes))
        else:
            out.append([row[0]])
            for head, cell in zip(heads[1:], row[1:], strict=True):
                if cell[0]:
                    out.append(
                        [(_GAP, ""), (head, "bold"), (" " * (widest - cell_width(head)) + _GAP, ""), cell]
                    )
    return out


def _width(row: Cells) -> int:
    return _total(_widths(row))


def _widths(row: Cells) -> list[int]:
    return [cell_width(text) for text, _ in row]


def _total(sizes: Sequence[int]) -> int:
    return sum(sizes) + len(_GAP) * (len(sizes) - 1)


def _row(cells: Sequence[Piece], sizes: Sequence[int]) -> list[Piece]:
    line: list[Piece] = []
    for (text, style), size in zip(cells, sizes, strict=True):
        line += [(text, style), (" " * (size - cell_width(text)) + _GAP, "")]
    while line and not line[-1][0].strip():
        line.pop()
    return line
