"""Curves in the terminal, in braille."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from gitexp.cli.kit.terminal import braille
from gitexp.cli.kit.terminal.render import Piece, cell_width
from gitexp.extras.plots.curves import DrawnCurve
from gitexp.words import clean

_HEIGHT = 10  # lines of a chart
_NARROW = 100  # cells; without a terminal
_LABEL = 10  # cells for the numbers at the side
# The styles of the first curves; more are told apart by the legend alone.
_STYLES = ("cyan", "magenta", "yellow", "green", "blue", "red", "bright_cyan", "bright_magenta")


def curves(
    found: Mapping[str, Sequence[DrawnCurve]],
    width: int | None,
    *,
    logarithmic: bool = False,
    with_last: bool = True,
) -> Iterator[Sequence[Piece]]:
    """Yield the lines of a chart for each metric.

    `logarithmic`: the scale of the values; `with_last`: whether the legend has the last value of a curve.
    """
    is_first = True
    single = {}
    for metric, of_metric in found.items():
        if max(len(curve.x) for curve in of_metric) < 2:
            single[metric] = of_metric
            continue
        if not is_first:
            yield [("", "")]
        is_first = False
        yield from _chart(metric, of_metric, width or _NARROW, logarithmic=logarithmic, with_last=with_last)
    if single:
        if not is_first:
            yield [("", "")]
        yield [("Logged once", "bold")]
    for metric, of_metric in single.items():
        told = [f"{clean(curve.label)} {curve.y[0]:.5g}" for curve in of_metric if curve.y]
        yield [(f"{clean(metric)}  ", "cyan"), ("  ".join(told), "")]


def _chart(
    metric: str, of_metric: Sequence[DrawnCurve], width: int, *, logarithmic: bool, with_last: bool
) -> Iterator[Sequence[Piece]]:
    yield [(clean(metric), "bold")]
    drawn = [_scaled(curve, logarithmic=logarithmic) for curve in of_metric]
    box = _box(drawn)
    if box is None:
        yield [("no value that can be drawn", "dim")]
        return
    columns = max(min(width - _LABEL - 1, 120), 10)
    canvas = braille.Canvas(columns, _HEIGHT, box)
    for number, curve in enumerate(drawn):
        canvas.draw(zip(curve.x, curve.y, strict=True), _STYLES[number % len(_STYLES)])
    high, low = box.high, box.low
    if logarithmic:
        high, low = math.exp(high), math.exp(low)
    for number, line in enumerate(canvas.lines()):
        told = ""
        if number == 0:
            told = f"{high:.5g}"
        elif number == _HEIGHT - 1:
            told = f"{low:.5g}"
        yield [(f"{told:>{_LABEL}} ", "dim"), *line]
    first, last = f"{box.left:g}", f"{box.right:g}"
    yield [(" " * (_LABEL + 1) + first + last.rjust(columns - len(first)), "dim")]
    yield from _legend(of_metric, width, with_last=with_last)


def _legend(of_metric: Sequence[DrawnCurve], width: int, *, with_last: bool) -> Iterator[Sequence[Piece]]:
    """Yield the lines of the legend: the name and last value of each curve, several in a line."""
    line: list[Piece] = []
    used = 0
    for number, curve in enumerate(of_metric):
        text = clean(curve.label)
        if curve.y and with_last:
            text += f" {curve.y[-1]:.5g}"
        size = cell_width(text) + 4
        if line and used + size > width:
            yield line
            line, used = [], 0
        line += [("━ ", _STYLES[number % len(_STYLES)]), (f"{text}  ", "")]
        used += size
    if line:
        yield line


def _scaled(curve: DrawnCurve, *, logarithmic: bool) -> DrawnCurve:
    if not logarithmic:
        return curve
    xs, ys = [], []
    for x, y in zip(curve.x, curve.y, strict=True):
        if y > 0:
            xs.append(x)
            ys.append(math.log(y))
    return curve._replace(x=xs, y=ys)


def _box(drawn: Sequence[DrawnCurve]) -> braille.Box | None:
    xs, ys = list[float](), list[float]()
    for curve in drawn:
        xs += curve.x
        ys += curve.y
    if not xs or not ys:
        return None
    return braille.Box(min(xs), max(xs), min(ys), max(ys))
