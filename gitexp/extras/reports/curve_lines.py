"""Curves in a line of text, for places without pictures. No input or output."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.extras.plots.curves import DrawnCurve
from gitexp.extras.reports.document import CurveLine
from gitexp.words import PRECISION, clean, show_value

_LEVELS = "▁▂▃▄▅▆▇█"
_WIDTH = 16  # characters


def curve_lines(curves: Sequence[DrawnCurve]) -> list[CurveLine]:
    """The curves of one metric, all on one scale."""
    drawn = [curve for curve in curves if len(curve.y)]
    every: list[float] = []
    for curve in drawn:
        every += curve.y
    if not every:
        return []
    low, high = min(every), max(every)
    found = []
    for curve in drawn:
        first, last = show_value(curve.y[0], PRECISION), show_value(curve.y[-1], PRECISION)
        found.append(CurveLine(clean(curve.label), _spark(curve.y, low, high), first, last))
    return found


def _spark(values: Sequence[float], low: float, high: float) -> str:
    width = min(_WIDTH, len(values))
    shown = []
    for at in range(width):
        value = values[round(at * (len(values) - 1) / max(width - 1, 1))]
        share = 0.5
        if high > low:
            share = (value - low) / (high - low)
        shown.append(_LEVELS[min(int(share * len(_LEVELS)), len(_LEVELS) - 1)])
    return "".join(shown)
