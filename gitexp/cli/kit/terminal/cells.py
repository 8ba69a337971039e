"""Texts cut to a number of cells of a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gitexp.cli.kit.terminal.render import cell_width


def elide(text: str, cells: int) -> str:
    """The text in at most so many terminal cells; `…` stands for a cut end."""
    if cell_width(text) <= cells:
        return text
    while text and cell_width(text) > cells - 1:
        text = text[: min(len(text) - 1, cells - 1)]
    return text + "…"


def elide_apart(texts: Sequence[str], cells: int) -> list[str]:
    """The texts in at most so many cells each. They lose their ends, or their middles if the ends differ."""
    cut = [elide(text, cells) for text in texts]
    if len(set(cut)) == len(set(texts)):
        return cut
    in_the_middle = [elide_middle(text, cells) for text in texts]
    return in_the_middle if len(set(in_the_middle)) > len(set(cut)) else cut


def elide_middle(text: str, cells: int) -> str:
    """The text in at most so many terminal cells; `…` stands for a cut middle: the ends tell names apart."""
    if cell_width(text) <= cells:
        return text
    tail = max((cells - 1) // 3, 0)
    end = text[len(text) - tail :] if tail else ""
    while cell_width(end) > tail:
        end = end[1:]
    return elide(text, cells - cell_width(end)) + end


def in_columns(rows: Iterable[tuple[str, ...]], most: int | None = None) -> list[str]:
    """A line for each row, its cells in columns; empty columns are left out.

    A line of more than `most` cells of the screen is cut.
    """
    found = list(rows)
    widths = [max(map(cell_width, column)) for column in zip(*found, strict=True)]
    text = []
    for row in found:
        cells = list[str]()
        for cell, width in zip(row[:-1], widths, strict=False):
            if width:
                cells.append(cell + " " * (width - cell_width(cell)))
        line = "  ".join([*cells, row[-1]])
        text.append(line if most is None else elide(line, most))
    return text
