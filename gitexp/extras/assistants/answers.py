"""Answers of a bounded size: a model reads every character, and pays for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gitexp.cli.kit import json_output
from gitexp.words import clean

MOST = 24_000  # characters of one answer
# The longest text, and the most entries of a list or an object, tried in turn until the answer fits.
_STEPS = ((12_000, 400), (4_000, 100), (1_000, 40), (300, 15), (100, 5))
_LAST = (60, 2)


class Fitted(NamedTuple):
    """A document that is short enough.

    Attributes:
        document: what is left of it.
        is_cut: whether something was left out.
    """

    document: Any
    is_cut: bool


def fitted(document: Any, most: int = MOST) -> Fitted:
    """The document without control characters, and short enough.

    Of long texts the beginning is kept, of lists and objects the first entries. Each says what it lacks.
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
    """The same with control and invisible characters of its texts written out; lines and tabs stay."""
    if isinstance(value, str):
        return value if value.isprintable() else _cleaned_text(value)
    if isinstance(value, Mapping):
        return {cleaned(key): cleaned(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(each) for each in value]
    return value


def _cleaned_text(text: str) -> str:
    lines = []
    for line in text.split("\n"):
        lines.append("\t".join(map(clean, line.split("\t"))))
    return "\n".join(lines)


def _size(document: Any) -> int:
    return len(json.dumps(document, ensure_ascii=False))


def _cut(value: Any, longest: int, entries: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else f"{value[:longest]}… ({len(value) - longest:,} more)"
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


def text_of(document: Any) -> str:
    """The document as JSON on one line."""
    return json_output.line(document)
