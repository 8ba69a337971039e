"""Sentences in lines that fit a terminal. A command or a setting to copy stays in one piece."""

from __future__ import annotations

import re

from gitexp.regex import regex

_INDENT = "  "  # of the second line and those after it
# A command ends at a semicolon, at a bracket around it, or with the text.
_TO_COPY = regex(r"(?<![^\s(])(?:(?:gitexp|git|pip) [a-z-][^;)]*[^;).\s]|metrics: [\[{].*)")


def wrapped(text: str, width: int, label: int = 0) -> str:
    """The text in lines of at most `width` characters, broken between words.

    Texts to be copied stay whole. A piece longer than a line stays in place, for the terminal to break.
    `label` characters stand before the first line.
    """
    if label + len(text) <= width:
        return text
    first, *others = _pieces(text)
    lines, line, room = list[str](), first, width - label
    for piece in others:
        fits_alone = len(_INDENT) + len(piece) <= width
        if line.strip() and fits_alone and len(line) + 1 + len(piece) > room:
            lines.append(line)
            line, room = _INDENT + piece, width
        else:
            line += f" {piece}"
    return "\n".join([*lines, line])


def _pieces(text: str) -> list[str]:
    """The words of a text; a text to be copied makes a single piece with its neighbours up to the spaces."""
    pieces, done = list[str](), 0
    for match in _TO_COPY.finditer(text):
        pieces += text[done : match.start()].split(" ")
        before = pieces.pop() if pieces else ""
        after = re.match(r"\S*", text[match.end() :])
        assert after is not None  # it matches nothing, too
        done = match.end() + after.end()
        pieces.append(before + match[0] + after[0])
        done += text[done : done + 1] == " "
    if done < len(text):
        pieces += text[done:].split(" ")
    return pieces
