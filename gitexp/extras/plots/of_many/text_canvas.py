"""A field of characters for the terminal, with an axis on two sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gitexp.cli.kit.terminal.cells import elide
from gitexp.cli.kit.terminal.render import Piece, cell_width
from gitexp.extras.plots.of_many.plotted_experiments import AxisColumn
from gitexp.words import clean

_HEIGHT = 14  # lines
_WIDEST = 100  # cells
_LABEL = 10  # cells for the numbers and texts at the side


class TextCanvas:
    """Characters by their places along two columns; a later character covers an earlier character."""

    def __init__(self, x: AxisColumn, y: AxisColumn, width: int) -> None:
        self._x, self._y = x, y
        height = _HEIGHT
        if not y.numbers:
            height = min(max(2 * len(y.texts) - 1, 3), _HEIGHT)
        self.size = (max(min(width - _LABEL - 2, _WIDEST), 10), height)
        self._cells: list[list[Piece]] = [[(" ", "")] * self.size[0] for _ in range(height)]

    def put(self, x: float | str, y: float | str, char: str, style: str) -> None:
        """Put a character at a place."""
        self.put_at(round(self._x.share(x) * (self.size[0] - 1)), self._row(y), char, style)

    def put_at(self, across: int, up: int, char: str, style: str) -> None:
        """Put a character into a cell, counted from the left and from the bottom."""
        self._cells[self.size[1] - 1 - up][across] = (char, style)

    def _row(self, y: float | str) -> int:
        return round(self._y.share(y) * (self.size[1] - 1))

    def lines(self) -> Iterator[list[Piece]]:
        """Yield the lines, the top one first, then the axis below."""
        labels = self._labels()
        for number, cells in enumerate(self._cells):
            label = labels.get(self.size[1] - 1 - number, "")
            yield [(" " * (_LABEL - cell_width(label)) + label + " │", "dim"), *_joined(cells)]
        yield [(" " * (_LABEL + 1) + "└" + "─" * self.size[0], "dim")]
        yield [(" " * (_LABEL + 2) + self._below(), "dim")]

    def _labels(self) -> dict[int, str]:
        """The labels at the side, by the line from the bottom."""
        if self._y.numbers:
            found = {}
            for at in (0, self.size[1] // 2, self.size[1] - 1):
                found[at] = f"{self._y.at(at / (self.size[1] - 1)):.4g}"
            return found
        return {self._row(text): elide(clean(text), _LABEL) for text in self._y.texts}

    def _below(self) -> str:
        """The labels of the axis below, at their places."""
        x, width = self._x, self.size[0]
        if x.numbers:
            texts = [f"{x.at(place):.4g}" for place in (0, 0.5, 1)]
            places = [0, width // 2, width - 1]
        else:
            texts, places = [], []
            for name in x.texts:
                texts.append(clean(name))
                places.append(round(x.share(name) * (width - 1)))
        line = ""
        for at, text in zip(places, texts, strict=True):
            start = min(max(at - cell_width(text) // 2, 0), max(width - cell_width(text), 0))
            if start >= cell_width(line) + bool(line):
                line += " " * (start - cell_width(line)) + text
        return line


def _joined(cells: Sequence[Piece]) -> list[Piece]:
    """The cells of a line, neighbours of one style together."""
    line: list[Piece] = []
    for char, style in cells:
        if line and line[-1][1] == style:
            line[-1] = (line[-1][0] + char, style)
        else:
            line.append((char, style))
    return line
