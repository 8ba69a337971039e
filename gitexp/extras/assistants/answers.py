"""Answers of a bounded size: a model reads every character, and pays for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp.cli.kit.terminal import json_output
from gitexp.named_tuple import NamedTuple
from gitexp.words import clean

MOST = 24_000  # characters of one answer
# The longest text, and the most entries of a list or an object, tried in turn until the answer fits.
_STEPS = ((12_000, 400), (4_000, 100), (1_000, 40), (300, 15), (100, 5))
_LAST = (60, 2)


class Fitted(NamedTuple):
    """A document within the size limit.

    Attributes:
        document: the document, whole or shortened.
        is_cut: whether the document was shortened.
    """

    document: Any
    is_cut: bool


def fitted(document: Any, most: int = MOST) -> Fitted:
    """The document without control characters, shortened to `most` characters where possible.

    Long texts keep their beginning, lists and objects their first entries. Each says how much was cut.
    """
    document = cleaned(document)
    if _size(document) <= most:
        return Fitted(document, is_cut=False)
    for longest, entries in _STEPS:
        found = _cut(document, longest, entries)
        if _size(found) <= most:
            return Fitted(found, is_cut=True)
    return Fitted(_cut(document, *_LAST), is_cut=True)


def cleaned(value: Any) -> Any:
    """The value with control and invisible characters of all texts written out; lines and tabs stay."""
    if isinstance(value, str):
        return _cleaned_text(value)
    if isinstance(value, Mapping):
        return {cleaned(key): cleaned(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(each) for each in value]
    return value


def _cleaned_text(text: str) -> str:
    if text.isprintable():
        return text
    lines = []
    for line in text.split("\n"):
        lines.append("\t".join(map(clean, line.split("\t"))))
    return "\n".join(lines)


def _size(document: Any) -> int:
    return len(json.dumps(document, ensure_ascii=False))


def _cut(value: Any, longest: int, entries: int) -> Any:
    """The value with texts of at most `longest` characters, and at most so many entries at each level."""
    if isinstance(value, str):
        return _cut_text(value, longest)
    if isinstance(value, Mapping):
        found = {key: _cut(each, longest, entries) for key, each in list(value.items())[:entries]}
        if len(value) > entries:
            found["…"] = f"{len(value) - entries:,} more"
        return found
    if isinstance(value, Sequence):
        kept = [_cut(each, longest, entries) for each in value[:entries]]
        if len(value) > entries:
            kept.append(f"… {len(value) - entries:,} more")
        return kept
    return value


def _cut_text(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text) - longest:,} more)"


def text_of(document: Any) -> str:
    """The document as JSON on one line."""
    return json_output.line(document)
