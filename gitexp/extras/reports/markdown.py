"""Markdown as a document, and texts as Markdown. The one user of markdown-it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.dollarmath import dollarmath_plugin

from gitexp.extras.reports.document import DocumentNode, NodeKind, Piece
from gitexp.regex import regex
from gitexp.words import clean

# What stands for a piece in Markdown. `clean` writes these characters out: no text of an experiment has them.
_PLACE = regex("\ue000(\\d{1,6})\ue001")
# What is markup within a line, and what is markup at the start of one.
_MARKUP = regex(r"([\\`*_{}\[\]<>#|~$&!])")
_STARTING = regex(r"[-+=:]|\d+(?=[.)](?:\s|$))")
_TELLING = regex(r"[@#]")  # what a forge makes a link of; an invisible joiner behind it hinders that
_LINKS = ("http://", "https://", "mailto:", "#")
_MOST_DEEP = 40  # blocks in blocks

_PLAIN = {
    "paragraph": NodeKind.PARAGRAPH,
    "bullet_list": NodeKind.BULLETS,
    "list_item": NodeKind.ITEM,
    "blockquote": NodeKind.QUOTE,
    "hr": NodeKind.RULE,
    "hardbreak": NodeKind.BREAK,
    "em": NodeKind.EMPHASIS,
    "strong": NodeKind.STRONG,
    "s": NodeKind.STRUCK,
    "tr": NodeKind.ROW,
}
_WITH_TEXT = {
    "text": NodeKind.TEXT,
    "code_inline": NodeKind.CODE,
    "math_inline": NodeKind.FORMULA,
    "math_inline_double": NodeKind.FORMULA_BLOCK,
    "math_block": NodeKind.FORMULA_BLOCK,
    "math_block_label": NodeKind.FORMULA_BLOCK,
    "code_block": NodeKind.CODE_BLOCK,
}


def as_markdown(text: str) -> str:
    """The Markdown of a plain text, with every special character escaped."""
    shown = clean(text).strip()
    start = _STARTING.match(shown)
    if start is None:
        return _MARKUP.sub(r"\\\1", shown)
    at = 0
    if start[0].isdigit():
        at = start.end()
    return f"{shown[:at]}\\{shown[at]}" + _MARKUP.sub(r"\\\1", shown[at + 1 :])


def as_comment(text: str) -> str:
    """The Markdown of a plain text for a comment on a forge: without mentions and links to issues."""
    return _TELLING.sub("\\g<0>\u2060", as_markdown(text))


def place(number: int) -> str:
    """The placeholder of a piece, a block of its own."""
    return f"\n\n\ue000{number}\ue001\n\n"


def with_pieces(text: str, pieces: Sequence[Piece], written: Callable[[Piece], str]) -> str:
    """The Markdown with the text of each piece in place of its placeholder."""

    def put(match: re.Match[str]) -> str:
        number = int(match[1])
        if number >= len(pieces):
            return ""
        return written(pieces[number])

    return re.sub(r"\n{3,}", "\n\n", _PLACE.sub(put, text)).strip() + "\n"


def parsed(text: str, pieces: Sequence[Piece]) -> list[DocumentNode]:
    """The blocks of a text in Markdown: CommonMark with tables and formulas, and without HTML."""
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _MOST_DEEP})
    parser.enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    return _NodeBuilder(pieces).nodes(SyntaxTreeNode(parser.parse(text)).children)


class _NodeBuilder:
    """Converts the nodes of markdown-it."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._converters: Mapping[str, Callable[[SyntaxTreeNode], list[DocumentNode]]] = {
            "fence": self._fence,
            "softbreak": self._softbreak,
            "heading": self._heading,
            "ordered_list": self._ordered_list,
            "table": self._table,
            "th": self._cell,
            "td": self._cell,
            "link": self._link,
            "image": self._image,
        }

    def nodes(self, found: Sequence[SyntaxTreeNode]) -> list[DocumentNode]:
        made = list[DocumentNode]()
        for node in found:
            made += self._made(node)
        return made

    def _made(self, node: SyntaxTreeNode) -> list[DocumentNode]:
        kind = node.type
        if kind == "paragraph" and (pieces := self._pieces_of(node)):
            return pieces
        if kind in _PLAIN:
            return [DocumentNode(_PLAIN[kind], self.nodes(node.children))]
        if kind in _WITH_TEXT:
            return [DocumentNode(_WITH_TEXT[kind], text=_PLACE.sub("", node.content))]
        convert = self._converters.get(kind)
        if convert is None:
            return self.nodes(node.children)  # "inline"
        return convert(node)

    def _fence(self, node: SyntaxTreeNode) -> list[DocumentNode]:
        return [
            DocumentNode(NodeKind.CODE_BLOCK, text=_PLACE.sub("", node.content), language=node.info.strip())
        ]

    def _softbreak(self, node: SyntaxTreeNode) -> list[DocumentNode]:
        return [DocumentNode(NodeKind.TEXT, text=" ")]

    def _heading(self, node: SyntaxTreeNode) -> list[DocumentNode]:
        return [DocumentNode(NodeKind.HEADING, self.nodes(node.children), level=int(node.tag[1:]))]

    def _ordered_list(self, node: SyntaxTreeNode) -> list[DocumentNode]:
        return [
            DocumentNode(NodeKind.NUMBERS, self.nodes(node.children), level=int(node.attrs.get("start", 1)))
        ]

    def _table(self, node: SyntaxTreeNode) -> list[DocumentNode]:
        rows = list[SyntaxTreeNode]()
        for part in node.children:  # head and body
            rows += part.children
        return [DocumentNode(NodeKind.TABLE, self.nodes(rows))]

    def _cell(self, node: SyntaxTreeNode) -> list[DocumentNode]:
        is_right = "right" in str(node.attrs.get("style", ""))
        return [DocumentNode(NodeKind.CELL, self.nodes(node.children), is_right=is_right)]

    def _image(self, node: SyntaxTreeNode) -> list[DocumentNode]:
        """The text and the address of an image. A document loads nothing."""
        return [DocumentNode(NodeKind.TEXT, text=f"{node.content} ({node.attrs.get('src', '')})")]

    def _pieces_of(self, paragraph: SyntaxTreeNode) -> list[DocumentNode]:
        """The pieces of a paragraph with placeholders only; [] for any other paragraph."""
        text = "".join(node.content for node in paragraph.walk() if node.type == "inline")
        if _PLACE.sub("", text).strip():
            return []
        found = []
        for match in _PLACE.finditer(text):
            at = int(match[1])
            if at < len(self._pieces):
                found.append(DocumentNode(NodeKind.PIECE, piece=self._pieces[at]))
        return found

    def _link(self, node: SyntaxTreeNode) -> list[DocumentNode]:
        address = str(node.attrs.get("href", ""))
        inside = self.nodes(node.children)
        if address.lower().startswith(_LINKS):
            return [DocumentNode(NodeKind.LINK, inside, text=address)]
        return inside
