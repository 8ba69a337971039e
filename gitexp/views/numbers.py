"""The numbers of one column as texts: of one precision, and with their decimal points below each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor, isfinite, log10
from typing import Any

from gitexp.model import Mean
from gitexp.words import show_value

_HUGE = 1e15  # from here on a float is written with an exponent
_TINY = 1e-10  # a column of floats below this is written with exponents


def column_decimals(values: Iterable[Any], precision: int) -> int | None:
    """The decimals that give the largest float of a column so many significant digits.

    None for a column of tiny floats: each is written with an exponent.
    """
    largest = 0.0
    for value in values:
        if isinstance(value, float) and isfinite(value) and abs(value) < _HUGE:
            largest = max(largest, abs(value))
    if not largest:
        return 0
    if largest < _TINY:
        return None
    return max(precision - 1 - floor(log10(largest)), 0)


def column_texts(values: Sequence[Any], precision: int, longest: int | None = None) -> list[str]:
    """A text for each value of a column. All floats have the same number of decimals.

    A float with less than two significant digits at these decimals has `precision` digits of its own, and so
    has each float of a column of tiny ones. Zeros at the end of all floats are left out.
    """
    decimals = column_decimals(values, precision)
    if decimals is None:
        return [show_value(value, precision, longest=longest) for value in values]
    least = 10.0 ** (1 - decimals)
    texts, fixed = [], []
    for at, value in enumerate(values):
        if isinstance(value, float) and (value == 0 or least <= abs(value) < _HUGE):
            texts.append(f"{value:.{decimals}f}")
            fixed.append(at)
        else:
            texts.append(show_value(value, precision, longest=longest))
    spare = _shared_zeros([texts[at] for at in fixed if values[at]], decimals)
    if spare:
        for at in fixed:
            texts[at] = texts[at][:-spare].removesuffix(".")
    for at in fixed:
        if isinstance(mean := values[at], Mean):
            texts[at] += mean.spread
    return texts


def _shared_zeros(texts: Sequence[str], decimals: int) -> int:
    """The number of zeros at the end of all these decimals."""
    shared = decimals
    for text in texts:
        if not shared:
            break
        shared = min(shared, len(text) - len(text.rstrip("0")))
    return shared


def is_number_text(text: str) -> bool:
    """Whether a text is a finite number; its uncertainty, a star or another mark may follow."""
    text = text.partition(" ")[0]
    return text[-1:].isdigit() or (text[-2:-1].isdigit() and text[-1] in "*…≈")


def aligned(texts: Sequence[str]) -> list[str]:
    """The texts of a column of numbers, with their decimal points below each other.

    Texts other than numbers, like `-`, end at the right edge. Empty texts stay empty.
    """
    tails = []
    for text in texts:
        tail = 0
        if is_number_text(text):
            tail = len(text) - _point(text)
        tails.append(tail)
    longest = max(tails, default=0)
    shown = []
    for text, tail in zip(texts, tails, strict=True):
        if is_number_text(text):
            text += " " * (longest - tail)
        shown.append(text)
    width = max(map(len, shown), default=0)
    return [text and text.rjust(width) for text in shown]


def _point(text: str) -> int:
    """The place of the decimal point, or of what stands in its place."""
    text = text.partition(" ")[0]
    for mark in (".", "e", "*", "…", "≈"):
        at = text.find(mark)
        if at >= 0:
            return at
    return len(text)
