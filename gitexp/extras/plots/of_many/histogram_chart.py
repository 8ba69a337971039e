"""How often each value of a column comes. No input or output."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from gitexp.extras.plots.charts import Chart, Spec, framed, hover
from gitexp.extras.plots.of_many.plotted_experiments import AxisColumn, Experiments, column_of, left_out
from gitexp.extras.plots.palette import COLOURS, FAINT
from gitexp.named_tuple import NamedTuple
from gitexp.words import shorten

_MOST_BARS = 30
_MOST_NAMES = 8


class Bar(NamedTuple):
    """A bar of a histogram.

    Attributes:
        low, high: the interval of numbers, without `high` except in the last bar. 0 for a text.
        text: the text, or the interval in words.
        labels: the experiments of the bar.
    """

    low: float
    high: float
    text: str
    labels: Sequence[str]


def bars(experiments: Experiments, column: AxisColumn) -> list[Bar]:
    """The bars of a column. The bars of numbers are sorted and have equal widths along the scale.

    Each text has a bar. If the texts are too many, the last bar counts all rare texts.
    """
    if column.numbers:
        return _of_numbers(experiments, column)
    labels: dict[str, list[str]] = {text: [] for text in column.texts}
    for experiment in experiments:
        value = column.value(experiment)
        if isinstance(value, str):
            labels[value].append(experiment.label)
    if len(labels) <= _MOST_BARS:
        return [Bar(0, 0, text, of_text) for text, of_text in labels.items()]
    frequent = sorted(labels, key=lambda text: -len(labels[text]))[: _MOST_BARS - 1]
    found = [Bar(0, 0, text, labels.pop(text)) for text in frequent]
    others = [*itertools.chain.from_iterable(labels.values())]
    return [*found, Bar(0, 0, f"{len(labels):,} others", others)]


def _of_numbers(experiments: Experiments, column: AxisColumn) -> list[Bar]:
    values = []
    for experiment in experiments:
        value = column.value(experiment)
        if isinstance(value, float):
            values.append((experiment.label, value))
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
        text = f"{low:.4g}"
        if count > 1:
            text += f" to {high:.4g}"
        found.append(Bar(low, high, text, inside))
    return found


def histogram_chart(experiments: Experiments, key: str, *, logarithmic: bool | None = None) -> Chart:
    """The number of experiments by the values of a column."""
    column = column_of(experiments, key, logarithmic=logarithmic)
    values: list[Spec] = []
    for bar in bars(experiments, column):
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
    mark: Spec = {"type": "bar", "color": COLOURS[0], "stroke": FAINT}
    if column.numbers:
        mark["type"] = "rect"
        scale: Spec = {"zero": False, "nice": False}
        if column.logarithmic:
            scale = {"type": "log", "nice": False}
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
    remark = left_out(len(experiments) - drawn, f"without a value of {key} that can be drawn")
    spec = {**framed(f"experiments by {key}", values, remark), "mark": mark, "encoding": encoding}
    return Chart(f"experiments by {key}", spec)
