"""Markdown as a document, and texts as Markdown. The one user of markdown-it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.dollarmath import dollarmath_plugin

from gitexp.extras.reports.document import Kind, Node, Piece
from gitexp.words import clean

# What stands for a piece in Markdown. `clean` writes these characters out: no text of an experiment has them.
_PLACE = re.compile("\ue000(\\d{1,6})\ue001")
# What is markup within a line, and what is markup at the start of one.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")
_STARTING = re.compile(r"[-+=:]|\d+(?=[.)](?:\s|$))")
_TELLING = re.compile(r"[@#]")  # what a forge makes a link of; an invisible joiner behind it hinders that
_LINKS = ("http://", "https://", "mailto:", "#")
_MOST_DEEP = 40  # blocks in blocks

_PLAIN = {
    "paragraph": Kind.PARAGRAPH,
    "bullet_list": Kind.BULLETS,
    "list_item": Kind.ITEM,
    "blockquote": Kind.QUOTE,
    "hr": Kind.RULE,
    "hardbreak": Kind.BREAK,
    "em": Kind.EMPHASIS,
    "strong": Kind.STRONG,
    "s": Kind.STRUCK,
    "tr": Kind.ROW,
}
_WITH_TEXT = {
    "text": Kind.TEXT,
    "code_inline": Kind.CODE,
    "math_inline": Kind.FORMULA,
    "math_inline_double": Kind.FORMULA_BLOCK,
    "math_block": Kind.FORMULA_BLOCK,
    "math_block_label": Kind.FORMULA_BLOCK,
    "code_block": Kind.CODE_BLOCK,
}


def as_markdown(text: str) -> str:
    """A text that Markdown shows as it is, wherever it stands in a line."""
    shown = clean(text).strip()
    start = _STARTING.match(shown)
    if start is None:
        return _MARKUP.sub(r"\\\1", shown)
    at = start.end() if start[0].isdigit() else 0
    return f"{shown[:at]}\\{shown[at]}" + _MARKUP.sub(r"\\\1", shown[at + 1 :])


def as_comment(text: str) -> str:
    """The same for a comment on a forge: no name in it is told, and no number links to an issue."""
    return _TELLING.sub("\\g<0>\u2060", as_markdown(text))


def place(number: int) -> str:
    """What stands for a piece, a block of its own."""
    return f"\n\n\ue000{number}\ue001\n\n"


def with_pieces(text: str, pieces: Sequence[Piece], written: Callable[[Piece], str]) -> str:
    """The Markdown with what is written for each piece."""

    def put(match: re.Match[str]) -> str:
        number = int(match[1])
        return written(pieces[number]) if number < len(pieces) else ""

    return re.sub(r"\n{3,}", "\n\n", _PLACE.sub(put, text)).strip() + "\n"


def parsed(text: str, pieces: Sequence[Piece]) -> list[Node]:
    """The blocks of a text in Markdown: CommonMark with tables and formulas, and without HTML."""
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _MOST_DEEP})
    parser.enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    return _Maker(pieces).nodes(SyntaxTreeNode(parser.parse(text)).children)


class _Maker:
    """Makes nodes of markdown-it's."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces

    def nodes(self, found: Sequence[SyntaxTreeNode]) -> list[Node]:
        made = list[Node]()
        for node in found:
            made += self._made(node)
        return made

    def _made(self, node: SyntaxTreeNode) -> list[Node]:
        kind = node.type
        if kind == "paragraph" and (pieces := self._pieces_of(node)):
            return pieces
        if kind in _PLAIN:
            return [Node(_PLAIN[kind], self.nodes(node.children))]
        if kind in _WITH_TEXT:
            return [Node(_WITH_TEXT[kind], text=_PLACE.sub("", node.content))]
        if kind == "fence":
            return [Node(Kind.CODE_BLOCK, text=_PLACE.sub("", node.content), language=node.info.strip())]
        if kind == "softbreak":
            return [Node(Kind.TEXT, text=" ")]
        if kind == "heading":
            return [Node(Kind.HEADING, self.nodes(node.children), level=int(node.tag[1:]))]
        if kind == "ordered_list":
            return [Node(Kind.NUMBERS, self.nodes(node.children), level=int(node.attrs.get("start", 1)))]
        if kind == "table":
            return [Node(Kind.TABLE, self.nodes([row for part in node.children for row in part.children]))]
        if kind in ("th", "td"):
            is_right = "right" in str(node.attrs.get("style", ""))
            return [Node(Kind.CELL, self.nodes(node.children), is_right=is_right)]
        if kind == "link":
            return self._link(node)
        if kind == "image":  # a document asks nobody for anything
            return [Node(Kind.TEXT, text=f"{node.content} ({node.attrs.get('src', '')})")]
        return self.nodes(node.children)  # "inline"

    def _pieces_of(self, paragraph: SyntaxTreeNode) -> list[Node]:
        """The pieces of a paragraph that is nothing else."""
        text = "".join(node.content for node in paragraph.walk() if node.type == "inline")
        if _PLACE.sub("", text).strip():
            return []
        numbers = [int(match[1]) for match in _PLACE.finditer(text)]
        return [Node(Kind.PIECE, piece=self._pieces[at]) for at in numbers if at < len(self._pieces)]

    def _link(self, node: SyntaxTreeNode) -> list[Node]:
        address = str(node.attrs.get("href", ""))
        inside = self.nodes(node.children)
        if address.lower().startswith(_LINKS):
            return [Node(Kind.LINK, inside, text=address)]
        return inside
