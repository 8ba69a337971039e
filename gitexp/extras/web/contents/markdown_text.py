"""Markdown of users as HTML that can do nothing. The one user of markdown-it-py, which comes with rich.

HTML in the Markdown stays text, links lead to web pages alone, and pictures are named, not loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

_SCHEMES = ("http://", "https://", "mailto:")
MOST = 200_000  # characters


def html(text: str) -> str:
    """The HTML of a Markdown text, cut to MOST characters."""
    made: str = _parser().render(text[:MOST])
    return made


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])
    parser.validateLink = _is_harmless  # type: ignore[method-assign]  # markdown-it's own way to set it
    parser.add_render_rule("image", _image)
    parser.add_render_rule("link_open", _link)
    return parser


def _is_harmless(url: str) -> bool:
    return url.strip().lower().startswith(_SCHEMES)


def _image(renderer: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    return f"<em>[picture: {escape(tokens[at].content)}]</em>"


def _link(renderer: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    url = escape(str(tokens[at].attrs.get("href", "")))
    return f'<a href="{url}" rel="noreferrer noopener" target="_blank">'
