"""A document as a tree of nodes, and the pieces that gitexp puts into it. No input or output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from operator import itemgetter
from typing import TypeAlias

from gitexp.extras.plots.charts import Chart
from gitexp.named_tuple import NamedTuple


class NodeKind(StrEnum):
    """The kind of a node."""

    # Blocks.
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    BULLETS = "bullets"
    NUMBERS = "numbers"
    ITEM = "item"
    QUOTE = "quote"
    RULE = "rule"
    CODE_BLOCK = "code block"
    FORMULA_BLOCK = "formula block"
    TABLE = "table"  # its children are rows, the first one the head
    ROW = "row"
    CELL = "cell"
    PIECE = "piece"
    # Parts of a line.
    TEXT = "text"
    BREAK = "break"
    EMPHASIS = "emphasis"
    STRONG = "strong"
    STRUCK = "struck"
    CODE = "code"
    LINK = "link"
    FORMULA = "formula"


class TablePiece(NamedTuple):
    """A table of texts, with every `BestText` in bold.

    Attributes:
        heads: the titles of the columns.
        rows: the texts of the cells.
        right: for each column, true for alignment to the right.
        remark: a sentence below the table; "" for none.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[bool]
    remark: str = ""

    def for_paper(self, most: int = 8) -> list[TablePiece]:
        """The table in parts with at most `most` columns; every part has the first column."""
        if len(self.heads) <= most:
            return [self]
        parts = []
        for start in range(1, len(self.heads), most - 1):
            chosen = [0, *range(start, min(start + most - 1, len(self.heads)))]
            pick = itemgetter(*chosen)
            parts.append(TablePiece(pick(self.heads), list(map(pick, self.rows)), pick(self.right)))
        parts[-1] = parts[-1]._replace(remark=self.remark)
        return parts


class CurveLine(NamedTuple):
    """A curve in a line of text: `▁▂▅█`, with its first and last number."""

    label: str
    spark: str
    first: str
    last: str


class PlotPiece(NamedTuple):
    """A plot.

    Attributes:
        chart: the chart for pictures.
        lines: the curves in text, for formats without pictures; () for a chart without curves.
    """

    chart: Chart
    lines: Sequence[CurveLine] = ()


class CodePiece(NamedTuple):
    """Lines of code, of a patch or of commands."""

    text: str
    language: str


class LinesPiece(NamedTuple):
    """The lines of a text by the user."""

    lines: Sequence[str]


class FoldedPiece(NamedTuple):
    """A piece below a title. The reader can unfold the piece, in formats with folding."""

    title: str
    piece: Piece


Piece: TypeAlias = TablePiece | PlotPiece | CodePiece | LinesPiece | FoldedPiece


class DocumentNode(NamedTuple):
    """A part of a document.

    Attributes:
        text: the text, code or formula; the address of a link.
        level: the level of a heading, from 1; the first number of a numbered list.
        language: the language of code.
        piece: the piece of a node of the kind PIECE.
        is_right: whether a cell is aligned to the right.
    """

    kind: NodeKind
    children: Sequence[DocumentNode] = ()
    text: str = ""
    level: int = 0
    language: str = ""
    piece: Piece | None = None
    is_right: bool = False


class Document(NamedTuple):
    """A document.

    Attributes:
        language: the language tag, for screen readers and hyphenation.
    """

    title: str
    blocks: Sequence[DocumentNode]
    language: str = "en"


def walk(nodes: Sequence[DocumentNode]) -> Iterator[DocumentNode]:
    """Yield all nodes, a parent before its children."""
    for node in nodes:
        yield node
        yield from walk(node.children)


def text_of(nodes: Sequence[DocumentNode]) -> str:
    """The text of some nodes, without markup."""
    return "".join(node.text for node in walk(nodes) if node.kind is not NodeKind.LINK)
