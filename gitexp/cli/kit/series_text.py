"""The series of one experiment as a person sees them: steps, last value, a curve of one line."""

from __future__ import annotations

import math

from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.braille import curve
from gitexp.cli.kit.terminal.render import Piece, cell_width
from gitexp.cli.kit.terminal.sections import Cells, side_by_side
from gitexp.files.lines.series_columns import Series
from gitexp.views.details import Details
from gitexp.views.series_details import RUN
from gitexp.words import clean, shorten, show_value, squeezed

_MOST = 20  # a run may log thousands of metrics
_LONGEST = 40  # characters of a name
_NARROWEST, _WIDEST = 10, 60  # characters of a curve
_HEADS = ("Series", "values", "steps", "last", "")


def series_lines(found: Details, width: int | None, precision: int) -> list[list[Piece]]:
    """The series of the run in a small table; of others the number alone."""
    own = [each.series for each in found.series if each.of == RUN]
    shown = own[:_MOST]
    rows: list[Cells] = []
    for series in shown:
        last = show_value(series.last, precision)
        cells = (squeezed(clean(series.name), _LONGEST), f"{len(series):,}", _steps(series), last)
        rows.append([(text, "") for text in cells])
    if width is None:
        room = _WIDEST
    else:
        room = width - _width(rows)
    if room >= _NARROWEST:
        for row, series in zip(rows, shown, strict=True):
            row.append((_curve(series, min(room, _WIDEST)), "cyan"))
    lines = []
    if rows:
        lines = side_by_side(_HEADS[: len(rows[0])], rows, width)
    if more := _further(found, len(own) - len(shown)):
        lines.append([(more, "dim")])
    return lines


def _further(found: Details, more: int) -> str:
    """The words about series that are not shown."""
    others: dict[str, int] = {}
    for each in found.series:
        if each.of != RUN:
            others[each.of] = others.get(each.of, 0) + 1
    told = []
    if more:
        told.append(f"{more:,} more")
    if others:
        told.append(f"of {shorten(list(others))}: {sum(others.values()):,}")
    if not told:
        return ""
    return f"Further series: {', '.join(told)}. All: gitexp show {found.row.name} --json"


def _steps(series: Series) -> str:
    first, last = series.steps[0], series.steps[-1]
    return f"{first:,}" if first == last else f"{first:,}…{last:,}"


def _width(rows: list[Cells]) -> int:
    """The width of the rows in columns, with the gap before the next column."""
    widths = [cell_width(head) for head in _HEADS[:-1]]
    for row in rows:
        widths = [max(width, cell_width(text)) for width, (text, _) in zip(widths, row, strict=True)]
    return sum(widths) + 2 * len(widths)


def _curve(series: Series, width: int) -> str:
    """The curve in one line; "" where the terminal has no such characters, or the values no numbers."""
    points = []
    for step, value in zip(series.steps, series.values, strict=True):
        if math.isfinite(value):
            points.append((float(step), value))
    if len(points) < 2 or not render.can_write("\u28ff"):
        return ""
    (line,) = curve(_thinned(points, 2 * width), width, 1)
    return line


def _thinned(points: list[tuple[float, float]], columns: int) -> list[tuple[float, float]]:
    """Enough of the points for a curve of so many columns: the lowest and the highest of each column."""
    if len(points) <= 4 * columns:
        return points
    first, last = points[0][0], points[-1][0]
    extremes: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        column = int((point[0] - first) / (last - first) * (columns - 1))
        there = extremes.setdefault(column, [point, point])
        there[0] = min(there[0], point, key=lambda one: one[1])
        there[1] = max(there[1], point, key=lambda one: one[1])
    found: list[tuple[float, float]] = []
    for pair in extremes.values():
        found += sorted(pair)
    return found
