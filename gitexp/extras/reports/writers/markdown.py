"""The pieces of a document in Markdown; the rest of it is Markdown already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from gitexp.extras.reports.document import (
    CodePiece,
    FoldedPiece,
    LinesPiece,
    Piece,
    PlotPiece,
    TablePiece,
)
from gitexp.extras.reports.markdown import as_markdown, with_pieces
from gitexp.views.markup import BestText

Escape = Callable[[str], str]


def write(text: str, pieces: Sequence[Piece], escape: Escape = as_markdown) -> str:
    """The Markdown with its pieces. Plots are tables with a line of characters for each curve.

    `escape` gives the Markdown that shows a text as it is.
    """
    return with_pieces(text, pieces, partial(_piece, escape=escape))


def _piece(piece: Piece, escape: Escape) -> str:
    match piece:
        case TablePiece(heads, rows, right, remark):
            told = "\n".join(_table(heads, rows, right, escape))
            return f"{told}\n\n{escape(remark)}" if remark else told
        case PlotPiece(chart, lines):
            head = f"**{escape(chart.title)}**"
            if not lines:
                return f"{head}: a picture, in the reports as HTML and PDF"
            rows = [[line.label, line.spark, line.first, line.last] for line in lines]
            heads, right = ["Experiment", "Curve", "First", "Last"], [False, False, True, True]
            told = "\n".join(_table(heads, rows, right, escape))
            return f"{head}\n\n{told}"
        case CodePiece(code, language):
            return fenced(code, language)
        case LinesPiece(lines):
            return "\\\n".join(map(escape, lines))
        case FoldedPiece(title, inner):
            return f"<details>\n<summary>{_in_html(title)}</summary>\n\n{_piece(inner, escape)}\n\n</details>"


def fenced(code: str, language: str) -> str:
    """Code in a fence that is longer than any in the code."""
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}{language}\n{code}\n{fence}"


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], escape: Escape
) -> list[str]:
    marks = ["---:" if is_right else "---" for is_right in right]
    lines = [_row(row, escape) for row in rows]
    return [_row(heads, escape), f"| {' | '.join(marks)} |", *lines]


def _row(cells: Sequence[str], escape: Escape) -> str:
    told = []
    for cell in cells:
        shown = escape(cell)
        told.append(f"**{shown}**" if isinstance(cell, BestText) and shown else shown)
    return f"| {' | '.join(told)} |"


def _in_html(text: str) -> str:
    """A text inside a tag of Markdown: neither HTML nor Markdown reads anything in it, and no forge links."""
    told = ""
    for char in text:
        told += char if char.isalnum() or char == " " else f"&#{ord(char)};"
        if char in "@#":
            told += "\u2060"
    return told
