"""A document as one HTML file that asks nobody for anything and runs nothing."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape

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
from gitexp.extras.reports.formulas import UnknownFormula, as_mathml
from gitexp.extras.reports.writers.node_writer import NodeWriter
from gitexp.views.markup import BestText

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'; img-src data:">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
_STYLE = """
:root { color-scheme: light dark; --ink: #1c1e22; --soft: #5c626d; --line: #d9dce2; --ground: #fff;
  --shade: #f5f6f8; --accent: #0a58a8; --added: #0b6b34; --deleted: #a3202a; --mark: #e7f1fb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e9ec; --soft: #9aa1ad; --line: #343944;
  --ground: #15171c; --shade: #1d2027; --accent: #7fb8f0; --added: #66c98f; --deleted: #f0848c;
  --mark: #1c3350; } }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .75rem; padding-bottom: .25rem;
  border-bottom: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
a { color: var(--accent); }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums;
  overflow-wrap: normal; }
th, td { padding: .35rem .75rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { font-weight: 600; color: var(--soft); white-space: nowrap; }
td.right, th.right { text-align: right; white-space: nowrap; }
td.best { font-weight: 650; background: var(--mark); }
.remark { color: var(--soft); font-size: .85rem; }
figure { margin: 1.5rem 0; }
figure img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .85em; }
code { background: var(--shade); padding: .1em .3em; border-radius: 3px; }
pre { background: var(--shade); padding: .9rem 1rem; border-radius: 6px; overflow-x: auto;
  line-height: 1.45; }
pre code { background: none; padding: 0; font-size: .8rem; overflow-wrap: normal; }
.added { color: var(--added); } .deleted { color: var(--deleted); } .place { color: var(--soft); }
blockquote { margin: 1rem 0; padding-left: 1rem; border-left: 3px solid var(--line); color: var(--soft); }
math[display="block"] { margin: 1rem 0; overflow-x: auto; }
summary { cursor: pointer; color: var(--accent); }
@media print { main { max-width: none; padding: 0; } pre { white-space: pre-wrap; } }
"""
_TAGS = {
    NodeKind.PARAGRAPH: "p",
    NodeKind.BULLETS: "ul",
    NodeKind.ITEM: "li",
    NodeKind.QUOTE: "blockquote",
    NodeKind.EMPHASIS: "em",
    NodeKind.STRONG: "strong",
    NodeKind.STRUCK: "s",
}
_EMPTY = {NodeKind.RULE: "<hr>", NodeKind.BREAK: "<br>"}


def write(document: Document, picture: Callable[[Chart], bytes]) -> bytes:
    """The HTML of a document. `picture`: from a plot to its SVG."""
    body = _HtmlWriter(picture).blocks(document.blocks)
    text = _PAGE.format(
        language=escape(document.language), title=escape(document.title), style=_STYLE, body=body
    )
    return text.encode("utf-8", "backslashreplace")


class _HtmlWriter(NodeWriter):
    between = "\n"

    def __init__(self, picture: Callable[[Chart], bytes]) -> None:
        self._picture = picture

    def _node(self, node: DocumentNode) -> str:
        kind = node.kind
        if kind in _TAGS:
            tag = _TAGS[kind]
            return f"<{tag}>{self._inside(node)}</{tag}>"
        if kind in _EMPTY:
            return _EMPTY[kind]
        match kind:
            case NodeKind.HEADING:
                return f"<h{node.level}>{self._inside(node)}</h{node.level}>"
            case NodeKind.NUMBERS:
                return f'<ol start="{node.level}">{self._inside(node)}</ol>'
            case NodeKind.CODE:
                return f"<code>{escape(node.text)}</code>"
            case NodeKind.CODE_BLOCK:
                return _code(node.text, node.language)
            case NodeKind.FORMULA | NodeKind.FORMULA_BLOCK:
                return _formula(node)
            case NodeKind.LINK:
                return f'<a href="{escape(node.text)}" rel="noopener noreferrer">{self._inside(node)}</a>'
            case NodeKind.TABLE:
                return self._table(node)
            case NodeKind.PIECE if node.piece is not None:
                return self._piece(node.piece)
        return escape(node.text) + self._inside(node)

    def _table(self, node: DocumentNode) -> str:
        lines = []
        for at, row in enumerate(node.children):
            cells = [_cell(self._inside(cell), at == 0, cell.is_right) for cell in row.children]
            lines.append(f"<tr>{''.join(cells)}</tr>")
        return f'<div class="scroll"><table>{"".join(lines)}</table></div>'

    def _piece(self, piece: Piece) -> str:
        match piece:
            case TablePiece():
                return _table_of(piece)
            case PlotPiece(chart):
                data = base64.b64encode(self._picture(chart)).decode()
                title = escape(chart.title)
                return f'<figure><img alt="{title}" src="data:image/svg+xml;base64,{data}"></figure>'
            case CodePiece(text, language):
                return _code(text, language)
            case LinesPiece(lines):
                return f"<p>{'<br>'.join(map(escape, lines))}</p>"
            case FoldedPiece(title, inner):
                return f"<details><summary>{escape(title)}</summary>{self._piece(inner)}</details>"


def _table_of(piece: TablePiece) -> str:
    heads = []
    for head, right in zip(piece.heads, piece.right, strict=True):
        heads.append(_cell(escape(head), True, right))
    lines = [f"<thead><tr>{''.join(heads)}</tr></thead>"]
    for row in piece.rows:
        cells = []
        for text, right in zip(row, piece.right, strict=True):
            cells.append(_cell(escape(text), False, right, is_best=isinstance(text, BestText)))
        lines.append(f"<tr>{''.join(cells)}</tr>")
    remark = ""
    if piece.remark:
        remark = f'<p class="remark">{escape(piece.remark)}</p>'
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>{remark}'


def _cell(inside: str, is_head: bool, is_right: bool, *, is_best: bool = False) -> str:
    tag, named = "td", ""
    if is_head:
        tag = "th"
    classes = []
    if is_right:
        classes.append("right")
    if is_best:
        classes.append("best")
    if classes:
        named = f' class="{" ".join(classes)}"'
    return f"<{tag}{named}>{inside}</{tag}>"


def _code(text: str, language: str) -> str:
    if language != "diff":
        return f"<pre><code>{escape(text)}</code></pre>"
    lines = "\n".join(map(_diff_line, text.split("\n")))
    return f"<pre><code>{lines}</code></pre>"


def _diff_line(line: str) -> str:
    for start, name in (("+++", ""), ("---", ""), ("+", "added"), ("-", "deleted"), ("@@", "place")):
        if line.startswith(start) and name:
            return f'<span class="{name}">{escape(line)}</span>'
        if line.startswith(start):
            break
    return escape(line)


def _formula(node: DocumentNode) -> str:
    try:
        return as_mathml(node.text.strip(), is_block=node.kind is NodeKind.FORMULA_BLOCK)
    except UnknownFormula:
        return f"<code>{escape(node.text)}</code>"
