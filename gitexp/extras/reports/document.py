"""A document as a tree of nodes, and the pieces that gitexp puts into it. No input or output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from gitexp.extras.plots.charts import Chart


class Kind(StrEnum):
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
    """A table of texts; a `BestText` among them is set in bold.

    Attributes:
        right: whether each column stands at the right edge.
        remark: a sentence below the table; "" for none.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[bool]
    remark: str = ""

    def for_paper(self, most: int = 8) -> list[TablePiece]:
        """The table in parts that a page has room for; the first column stands in each."""
        if len(self.heads) <= most:
            return [self]
        parts = []
        for start in range(1, len(self.heads), most - 1):
            chosen = [0, *range(start, min(start + most - 1, len(self.heads)))]
            rows = [[row[at] for at in chosen] for row in self.rows]
            heads, right = [self.heads[at] for at in chosen], [self.right[at] for at in chosen]
            parts.append(TablePiece(heads, rows, right))
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
        lines: its curves as text, for places without pictures; () for a plot of another kind.
    """

    chart: Chart
    lines: Sequence[CurveLine] = ()


class CodePiece(NamedTuple):
    """Lines of code, of a patch or of commands."""

    text: str
    language: str


class LinesPiece(NamedTuple):
    """Text in lines, as somebody wrote it."""

    lines: Sequence[str]


class FoldedPiece(NamedTuple):
    """A piece below a title that can be opened where the format has such a thing."""

    title: str
    piece: Piece


Piece: TypeAlias = TablePiece | PlotPiece | CodePiece | LinesPiece | FoldedPiece


class Node(NamedTuple):
    """A part of a document.

    Attributes:
        text: of texts, code and formulas; the address of a link.
        level: of a heading, from 1; the first number of a numbered list.
        language: of code.
        piece: of a piece.
        is_right: of a cell at the right edge.
    """

    kind: Kind
    children: Sequence[Node] = ()
    text: str = ""
    level: int = 0
    language: str = ""
    piece: Piece | None = None
    is_right: bool = False


class Document(NamedTuple):
    """A document.

    Attributes:
        language: the tag of its language for readers and hyphenation.
    """

    title: str
    blocks: Sequence[Node]
    language: str = "en"


def walk(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield all nodes, a parent before its children."""
    for node in nodes:
        yield node
        yield from walk(node.children)


def text_of(nodes: Sequence[Node]) -> str:
    """The text of some nodes, without its markup."""
    return "".join(node.text for node in walk(nodes) if node.kind is not Kind.LINK)
