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
from gitexp.views.markup import BestText, fenced

Escape = Callable[[str], str]


def write(text: str, pieces: Sequence[Piece], escape: Escape = as_markdown) -> str:
    """The Markdown with its pieces. Plots become tables with a line of characters for each curve.

    `escape`: from a plain text to its Markdown.
    """
    return with_pieces(text, pieces, partial(_piece, escape=escape))


def _piece(piece: Piece, escape: Escape) -> str:
    match piece:
        case TablePiece(heads, rows, right, remark):
            told = "\n".join(_table(heads, rows, right, escape))
            if not remark:
                return told
            return f"{told}\n\n{escape(remark)}"
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


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], escape: Escape
) -> list[str]:
    marks = []
    for is_right in right:
        if is_right:
            marks.append("---:")
        else:
            marks.append("---")
    lines = [_row(row, escape) for row in rows]
    return [_row(heads, escape), f"| {' | '.join(marks)} |", *lines]


def _row(cells: Sequence[str], escape: Escape) -> str:
    told = []
    for cell in cells:
        shown = escape(cell)
        if isinstance(cell, BestText) and shown:
            shown = f"**{shown}**"
        told.append(shown)
    return f"| {' | '.join(told)} |"


def _in_html(text: str) -> str:
    """The escaped text for an HTML tag in Markdown: without markup, mentions and links to issues."""
    told = ""
    for char in text:
        if char.isalnum() or char == " ":
            told += char
        else:
            told += f"&#{ord(char)};"
        if char in "@#":
            told += "\u2060"
    return told
