"""Whether an `-S` has several values: `lr=0.1,0.01`, `choice(a,b)`, `range(1,10,2)`, `uniform(0,1)`.

The syntax of the values is Hydra's. A list, a map or text in quotes keeps its commas. Every run asks, so the
values themselves are made elsewhere, by a sweep.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.files.command_words.overrides import split_override
from gitexp.regex import regex

CALLS = regex(r"(?:choice|range|(?:log_)?(?:int_)?uniform)\(")
_BOUNDS = regex(r"(?:log_)?(?:int_)?uniform\(")
_TEXT_BEGINS_BEHIND = "[{(,:"
_CLOSED_BY = {"[": "]", "{": "}", "(": ")"}


def has_several(texts: Sequence[str]) -> bool:
    """Whether any of the overrides has several values; errors in an override are reported later."""
    for text in texts:
        typed = _typed(text)
        if CALLS.match(typed) or len(parts_of(typed)) > 1:
            return True
    return False


def has_bounds(texts: Sequence[str]) -> bool:
    """Whether any of the overrides has bounds for a search, like `uniform(0,1)`."""
    return any(map(_BOUNDS.match, map(_typed, texts)))


def _typed(text: str) -> str:
    """The value of an override, as typed."""
    return split_override(text)[1].removeprefix("=").strip()


def parts_of(text: str) -> list[str]:
    """The texts between the commas that are in no bracket and no quotes."""
    parts, closing = list[str](), list[str]()
    quote = last = ""  # the quote that is open, and the last character that is no blank
    start = at = 0
    while at < len(text):
        char = text[at]
        if quote and _is_escape(text, at, quote):
            at += 1
        elif quote:
            if char == quote:
                quote = ""
        elif char in "'\"" and (last == "" or last in _TEXT_BEGINS_BEHIND):
            quote = char
        elif char in _CLOSED_BY:
            closing.append(_CLOSED_BY[char])
        elif closing and char == closing[-1]:
            closing.pop()
        elif char == "," and not closing:
            parts.append(text[start:at].strip())
            start = at + 1
        if not char.isspace():
            last = char
        at += 1
    return [*parts, text[start:].strip()]


def _is_escape(text: str, at: int, quote: str) -> bool:
    """Whether two characters in quotes stand for one: a backslash in double quotes, a quote written twice."""
    return (quote == '"' and text[at] == "\\") or (quote == "'" and text[at : at + 2] == "''")
