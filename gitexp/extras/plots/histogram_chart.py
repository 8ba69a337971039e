"""How often each value of a column comes. No input or output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from gitexp.extras.plots.charts import Chart, Spec, framed, hover
from gitexp.extras.plots.dots import Column, Dot, column_of, left_out
from gitexp.extras.plots.palette import COLOURS, FAINT
from gitexp.words import shorten

_MOST_BARS = 30
_MOST_NAMES = 8


class Bar(NamedTuple):
    """A bar of a histogram.

    Attributes:
        low, high: the ends of its numbers; the last bar has its high end too. 0 for a text.
        text: the text, or the numbers in words.
        labels: the experiments in it.
    """

    low: float
    high: float
    text: str
    labels: Sequence[str]


def bars(dots: Sequence[Dot], column: Column) -> list[Bar]:
    """The bars of a column, of numbers in order, of equal width along the scale.

    Texts have a bar each; of very many the frequent ones have, and the last bar is of all others.
    """
    values = [(dot.label, column.value(dot)) for dot in dots]
    if column.numbers:
        return _of_numbers([(label, value) for label, value in values if isinstance(value, float)], column)
    labels: dict[str, list[str]] = {text: [] for text in column.texts}
    for label, value in values:
        if isinstance(value, str):
            labels[value].append(label)
    if len(labels) <= _MOST_BARS:
        return [Bar(0, 0, text, of_text) for text, of_text in labels.items()]
    frequent = sorted(labels, key=lambda text: -len(labels[text]))[: _MOST_BARS - 1]
    found = [Bar(0, 0, text, labels.pop(text)) for text in frequent]
    others = [label for of_text in labels.values() for label in of_text]
    return [*found, Bar(0, 0, f"{len(labels):,} others", others)]


def _of_numbers(values: Sequence[tuple[str, float]], column: Column) -> list[Bar]:
    if not values:
        return []
    # The root of their number, as spreadsheets do: Sturges' rule would hide what a few hundred runs show.
    count = min(max(math.ceil(math.sqrt(len(values))), 5), _MOST_BARS)
    if column.low == column.high:
        count = 1
    labels: list[list[str]] = [[] for _ in range(count)]
    for label, value in values:
        labels[min(int(column.share(value) * count), count - 1)].append(label)
    found = []
    for at, inside in enumerate(labels):
        low, high = column.at(at / count), column.at((at + 1) / count)
        found.append(Bar(low, high, f"{low:.4g} to {high:.4g}" if count > 1 else f"{low:.4g}", inside))
    return found


def histogram_chart(dots: Sequence[Dot], key: str, *, logarithmic: bool | None = None) -> Chart:
    """The number of experiments by the values of a column."""
    column = column_of(dots, key, logarithmic=logarithmic)
    values: list[Spec] = []
    for bar in bars(dots, column):
        value: Spec = {"text": bar.text, "count": len(bar.labels), "names": shorten(bar.labels, _MOST_NAMES)}
        if column.numbers:
            low, high = bar.low, bar.high
            if low == high:  # a bar needs a width
                low, high = low - abs(low or 1) / 20, high + abs(high or 1) / 20
            value |= {"low": low, "high": high}
        values.append(value)
    count: Spec = {"field": "count", "type": "quantitative", "title": "experiments"}
    count |= {"axis": {"tickMinStep": 1, "format": "d"}, "scale": {"zero": True}}
    tooltip = [
        hover("text", key),
        {"field": "count", "title": "experiments"},
        {"field": "names", "title": "names"},
    ]
    encoding: Spec = {"y": count, "tooltip": tooltip}
    if column.numbers:
        scale: Spec = {"type": "log", "nice": False} if column.logarithmic else {"zero": False, "nice": False}
        x = {"field": "low", "type": "quantitative", "title": key, "scale": scale}
        encoding |= {"x": x, "x2": {"field": "high"}, "y2": {"datum": 0}}
    else:
        encoding["x"] = {
            "field": "text",
            "type": "nominal",
            "title": key,
            "sort": None,
            "axis": column.axis(),
        }
    drawn = sum(value["count"] for value in values)
    remark = left_out(len(dots) - drawn, f"without a value of {key} that can be drawn")
    mark = {"type": "rect" if column.numbers else "bar", "color": COLOURS[0], "stroke": FAINT}
    spec = {**framed(f"experiments by {key}", values, remark), "mark": mark, "encoding": encoding}
    return Chart(f"experiments by {key}", spec)
