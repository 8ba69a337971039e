"""A document in Typst's language, for PDF. Every text is a literal, so that nothing in it is markup."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitexp.extras.plots.charts import Chart
from gitexp.extras.reports.document import (
    CodePiece,
    Document,
    DocumentNode,
    FoldedPiece,
    LinesPiece,
    NodeKind,
    Piece,
    PlotPiece,
    TablePiece,
)
from gitexp.extras.reports.formula_pictures import SIZE, picture
from gitexp.extras.reports.formulas import UnknownFormula
from gitexp.extras.reports.writers.node_writer import NodeWriter
from gitexp.views.markup import BestText
from gitexp.words import clean

_PREAMBLE = """
#set page(paper: "a4", margin: (x: 2.2cm, y: 2.4cm), numbering: "1")
#set text(font: "Libertinus Serif", size: %spt, lang: %s)
#set par(justify: false, leading: 0.65em)
#show heading.where(level: 1): set text(size: 1.5em)
#show heading.where(level: 2): it => block(above: 1.8em, below: 0.9em, it)
#show raw: set text(font: "DejaVu Sans Mono", size: 0.8em)
#show raw.where(block: true): it => block(fill: luma(245), inset: 8pt, radius: 3pt, width: 100%%, it)
#show link: set text(fill: rgb("#0a58a8"))
"""
_CALLS = {
    NodeKind.EMPHASIS: "emph",
    NodeKind.STRONG: "strong",
    NodeKind.STRUCK: "strike",
    NodeKind.PARAGRAPH: "par",
    NodeKind.QUOTE: "quote(block: true)",
}
# Columns of a table -> the size of its text in points.
_SIZES = ((6, 9.0), (9, 7.5), (13, 6.0), (20, 4.5))
_SMALLEST = 3.5
_BREAKS = str.maketrans({char: f"{char}\u200b" for char in "_-./=,;:"})  # where a long name may be broken


def write(document: Document, svg: Callable[[Chart], bytes]) -> tuple[str, dict[str, bytes]]:
    """The source, and the pictures by the name of their files. `svg`: from a plot to its picture."""
    writer = _TypstWriter(svg)
    body = writer.blocks(document.blocks)
    head = f"#set document(title: {_literal(document.title)}, date: none)"
    return f"{head}{_PREAMBLE % (SIZE, _literal(document.language))}\n{body}\n", writer.pictures


class _TypstWriter(NodeWriter):
    def __init__(self, svg: Callable[[Chart], bytes]) -> None:
        self._svg = svg
        self.pictures: dict[str, bytes] = {}

    def _node(self, node: DocumentNode) -> str:
        kind = node.kind
        if kind in _CALLS:
            return f"#{_CALLS[kind]}[{self._inside(node)}];"
        match kind:
            case NodeKind.BULLETS:
                return f"#list({self._items(node)});"
            case NodeKind.NUMBERS:
                return f"#enum(start: {node.level}, {self._items(node)});"
            case NodeKind.HEADING:
                return f"#heading(level: {node.level})[{self._inside(node)}];"
            case NodeKind.RULE:
                return "#line(length: 100%, stroke: 0.5pt + luma(180));"
            case NodeKind.BREAK:
                return "#linebreak();"
            case NodeKind.CODE:
                return f"#raw({_literal(node.text)});"
            case NodeKind.CODE_BLOCK:
                return _code(node.text, node.language)
            case NodeKind.FORMULA | NodeKind.FORMULA_BLOCK:
                return self._formula(node)
            case NodeKind.LINK:
                return f"#link({_literal(node.text)})[{self._inside(node)}];"
            case NodeKind.TABLE:
                return self._table(node)
            case NodeKind.PIECE if node.piece is not None:
                return self._piece(node.piece)
        return _text(node.text) + self._inside(node)

    def _items(self, node: DocumentNode) -> str:
        return ", ".join(f"[{self.blocks(item.children)}]" for item in node.children)

    def _table(self, node: DocumentNode) -> str:
        lines = []
        for row in node.children:
            lines.append([f"[{self._inside(cell)}]" for cell in row.children])
        return _table(lines[0], lines[1:], [cell.is_right for cell in node.children[0].children])

    def _piece(self, piece: Piece) -> str:
        match piece:
            case TablePiece() if len(parts := piece.for_paper()) > 1:
                return "\n\n".join(map(self._piece, parts))
            case TablePiece(heads, rows, right, remark):
                lines = [list(map(_table_cell, row)) for row in rows]
                told = _table(list(map(_bold_cell, heads)), lines, right)
                if not remark:
                    return told
                return f"{told}\n#text(size: 0.85em, fill: luma(90))[{_text(remark)}];"
            case PlotPiece(chart):
                name = self._picture(self._svg(chart))
                alt = _literal(chart.title)
                return f'#align(center, image("{name}", width: 85%, alt: {alt}));'
            case CodePiece(text, language):
                return _code(text, language)
            case LinesPiece(lines):
                return "#linebreak();".join(map(_text, lines))
            case FoldedPiece(title, inner):
                return f"#strong[{_text(title)}];\n\n{self._piece(inner)}"

    def _picture(self, svg: bytes) -> str:
        name = f"picture-{len(self.pictures) + 1}.svg"
        self.pictures[name] = svg
        return name

    def _formula(self, node: DocumentNode) -> str:
        is_block = node.kind is NodeKind.FORMULA_BLOCK
        try:
            drawn = picture(node.text.strip(), is_block=is_block)
        except UnknownFormula:
            return f"#raw({_literal(node.text)});"
        name, alt = self._picture(drawn.svg), _literal(node.text.strip())
        image = f'image("{name}", height: {drawn.height:.3f}pt, alt: {alt})'
        if is_block:
            return f"#align(center, {image});"
        return f"#box(baseline: {drawn.depth:.3f}pt, {image});"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    columns = len(heads)
    size = next((size for most, size in _SIZES if columns <= most), _SMALLEST)
    places = []
    for is_right in right:
        if is_right:
            places.append("right")
        else:
            places.append("left")
    cells = [f"table.header(table.hline(stroke: 0.8pt), {', '.join(heads)}, table.hline(stroke: 0.5pt))"]
    for row in rows:
        cells += row
    cells.append("table.hline(stroke: 0.8pt)")
    inside = ",\n  ".join(cells)
    return (
        f"#text(size: {size}pt, table(columns: {columns}, align: ({', '.join(places)},), stroke: none, "
        f"inset: (x: 0.45em, y: 0.4em),\n  {inside}));"
    )


def _table_cell(text: str) -> str:
    if isinstance(text, BestText):
        return _bold_cell(text)
    return f"[{_in_cell(text)}]"


def _bold_cell(text: str) -> str:
    return f"[#strong[{_in_cell(text)}];]"


def _in_cell(text: str) -> str:
    is_long = any(len(word) > 20 for word in text.split())
    return _text(text, breaks=is_long)


def _code(text: str, language: str) -> str:
    known = ""
    if language in ("diff", "sh", "python", "yaml", "json"):
        known = f", lang: {_literal(language)}"
    return f"#raw({_literal(text.rstrip(chr(10)))}, block: true{known});"


def _text(text: str, *, breaks: bool = False) -> str:
    if not text:
        return ""
    return f"#{_literal(text, breaks=breaks)};"


def _literal(text: str, *, breaks: bool = False) -> str:
    """The text in quotes, a literal of Typst; lines stay lines."""
    lines = []
    for line in text.split("\n"):
        lines.append(clean(line).replace("\\", "\\\\").replace('"', '\\"'))
    told = "\\n".join(lines)
    if breaks:
        told = told.translate(_BREAKS)
    return f'"{told}"'
