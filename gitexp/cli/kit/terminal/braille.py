"""Curves in braille: each character has two by four dots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gitexp.cli.kit.terminal.render import Piece
from gitexp.named_tuple import NamedTuple

# The bits of the dots of a character, from the top down, by column: Unicode, "Braille Patterns".
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK = 0x2800


class Box(NamedTuple):
    """The part of the plane that is drawn."""

    left: float
    right: float
    low: float
    high: float


class Canvas:
    """A field of braille characters, and the style of each."""

    def __init__(self, columns: int, rows: int, box: Box) -> None:
        self._size = (2 * columns, 4 * rows)
        self._box = box
        self._cells = [[_BLANK] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]

    def draw(self, points: Iterable[tuple[float, float]], style: str = "") -> None:
        """Join points, in the order of x; where two curves meet, the later one has the colour."""
        before: tuple[int, int] | None = None
        for x, y in points:
            place = self._place(x, y)
            for across, down in _between(before or place, place):
                row, column = down // 4, across // 2
                self._cells[row][column] |= _DOTS[across % 2][down % 4]
                self._styles[row][column] = style
            before = place

    def _place(self, x: float, y: float) -> tuple[int, int]:
        """The dot of a point, counted from the left and from the top."""
        across = _share(x, self._box.left, self._box.right) * (self._size[0] - 1)
        down = (1 - _share(y, self._box.low, self._box.high)) * (self._size[1] - 1)
        return round(across), round(down)

    def lines(self) -> Iterator[list[Piece]]:
        """Yield the rows, the top one first, neighbours of one style together."""
        for cells, styles in zip(self._cells, self._styles, strict=True):
            line: list[Piece] = []
            for cell, style in zip(cells, styles, strict=True):
                if line and line[-1][1] == style:
                    line[-1] = (line[-1][0] + chr(cell), style)
                else:
                    line.append((chr(cell), style))
            yield line


def curve(points: Sequence[tuple[float, float]], width: int, height: int) -> list[str]:
    """The points, in the order of x, joined to a curve in lines of `width` characters, the top one first.

    x and y go from their lowest to their highest value. A curve of one value is in the middle.
    """
    box = Box(0, 0, 0, 0)
    if points:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        box = Box(min(xs), max(xs), min(ys), max(ys))
    canvas = Canvas(max(width, 0), max(height, 0), box)
    if width > 0 and height > 0:
        canvas.draw(points)
    lines = []
    for pieces in canvas.lines():
        lines.append("".join(text for text, _ in pieces))
    return lines


def _share(value: float, low: float, high: float) -> float:
    """Where a value stands between two others, from 0 to 1; the halves against an overflow."""
    reach = high / 2 - low / 2
    return (value / 2 - low / 2) / reach if reach > 0 else 0.5


def _between(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the dots of a line from one dot to another."""
    across, down = end[0] - start[0], end[1] - start[1]
    steps = max(abs(across), abs(down), 1)
    for at in range(steps + 1):
        yield start[0] + round(across * at / steps), start[1] + round(down * at / steps)
