"""Texts cut to a number of cells of a terminal."""

from __future__ import annotations

from gitexp.cli.kit.render import cell_width


def elide(text: str, cells: int) -> str:
    """The text in at most so many terminal cells; `…` stands for a cut end."""
    if cell_width(text) <= cells:
        return text
    while text and cell_width(text) > cells - 1:
        text = text[: min(len(text) - 1, cells - 1)]
    return text + "…"


def elide_middle(text: str, cells: int) -> str:
    """The text in at most so many terminal cells; `…` stands for a cut middle: the ends tell names apart."""
    if cell_width(text) <= cells:
        return text
    tail = max((cells - 1) // 3, 0)
    end = text[len(text) - tail :] if tail else ""
    while cell_width(end) > tail:
        end = end[1:]
    return elide(text, cells - cell_width(end)) + end
