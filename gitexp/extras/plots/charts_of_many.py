"""Charts with an experiment as a dot or a line. No input or output."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gitexp.extras.plots.charts import WIDTH, Chart, Spec, channel, framed, is_number, of_two
from gitexp.extras.plots.curves import best_so_far
from gitexp.extras.plots.palette import COLOURS

_BETTER = COLOURS[2]
_WIDE = 100  # times the lowest number
_NAME: Spec = {"field": "label", "title": "experiment"}


class Dot(NamedTuple):
    """An experiment in a picture of many.

    Attributes:
        label: the name of the experiment.
        values: numbers and texts by the key of a param or metric.
    """

    label: str
    values: Mapping[str, Any]


def scatter_chart(dots: Sequence[Dot], x: str, y: str, logarithmic: Sequence[str] = ()) -> Chart:
    """Two columns of the table against each other, a dot an experiment."""
    values = []
    for dot in dots:
        if _is_drawn(dot.values.get(x)) and is_number(dot.values.get(y)):
            values.append({"label": dot.label, "x": dot.values[x], "y": dot.values[y]})
    kind = "quantitative" if all(is_number(value["x"]) for value in values) else "nominal"
    encoding = {
        "x": channel("x", x, kind, logarithmic),
        "y": channel("y", y, "quantitative", logarithmic),
        "tooltip": [
            {"field": "label", "title": "experiment"},
            {"field": "x", "title": x},
            {"field": "y", "title": y},
        ],
    }
    mark = {"type": "point", "filled": True, "size": 60, "opacity": 0.8, "color": COLOURS[0]}
    title = f"{y} against {x}"
    return Chart(title, {**framed(title, values), "mark": mark, "encoding": encoding})


def progress_chart(dots: Sequence[Dot], metric: str, *, lowest: bool) -> Chart:
    """The best value so far, in the order of the experiments, and which experiment raised it."""
    numbered = [dot for dot in dots if is_number(dot.values.get(metric))]
    found = [float(dot.values[metric]) for dot in numbered]
    values: list[Spec] = []
    best = math.nan
    for number, (dot, value, better) in enumerate(
        zip(numbered, found, best_so_far(found, lowest=lowest), strict=True), start=1
    ):
        best = value if better else best
        values.append({"number": number, "label": dot.label, "y": value, "best": best, "better": better})
    x = {
        "field": "number",
        "type": "quantitative",
        "title": "experiment",
        "axis": {"tickMinStep": 1, "format": "d"},
    }
    y = {"field": "y", "type": "quantitative", "title": metric, "scale": {"zero": False}}
    tooltip = [_NAME, {"field": "y", "title": metric}]
    layers = [
        {
            "mark": {"type": "line", "interpolate": "step-after", "color": _BETTER},
            "encoding": {"x": x, "y": {**y, "field": "best"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 50},
            "encoding": {
                "x": x,
                "y": y,
                "tooltip": tooltip,
                "color": of_two("better", (_BETTER, "#bbbbbb")),
            },
        },
        {
            "transform": [{"filter": {"field": "better", "equal": True}}],
            "mark": {"type": "text", "align": "left", "dx": 6, "dy": -6, "fontSize": 9},
            "encoding": {"x": x, "y": y, "text": {"field": "label"}},
        },
    ]
    title = f"best {metric} so far"
    return Chart(title, {**framed(title, values), "layer": layers})


def parallel_chart(dots: Sequence[Dot], columns: Sequence[str], metric: str) -> Chart:
    """Experiments as lines over several columns, each on an axis of its own, coloured by a metric.

    Each axis goes from the lowest to the highest number of its column; texts stand on it in order.
    """
    values, labels = [], []
    scales = {column: _scale([dot.values.get(column) for dot in dots]) for column in columns}
    for dot in dots:
        if not all(_is_drawn(dot.values.get(column)) for column in columns):
            continue
        for column in columns:
            value = dot.values[column]
            place = scales[column].place(value)
            shade = dot.values[metric] if is_number(dot.values.get(metric)) else None
            values.append(
                {"label": dot.label, "column": column, "place": place, "value": str(value), "shade": shade}
            )
    for column in columns:
        for place, text in scales[column].marks():
            labels.append({"column": column, "place": place, "text": text})
    x = {
        "field": "column",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelAngle": 0, "labelLimit": 120},
    }
    y = {"field": "place", "type": "quantitative", "axis": None}
    layers = [
        {
            "mark": {"type": "line", "opacity": 0.6},
            "encoding": {
                "x": x,
                "y": y,
                "detail": {"field": "label"},
                "color": {
                    "field": "shade",
                    "type": "quantitative",
                    "title": metric,
                    "scale": {"scheme": "viridis"},
                },
                "tooltip": [_NAME],
            },
        },
        {"mark": {"type": "rule", "color": "#999999"}, "encoding": {"x": x}},
        {
            "data": {"values": labels},
            "mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 9},
            "encoding": {"x": x, "y": y, "text": {"field": "text"}},
        },
    ]
    title = f"{metric} by {', '.join(columns[:-1])}"
    spec = {**framed(title, values), "layer": layers}
    spec["width"] = max(WIDTH, 110 * len(columns))
    return Chart(title, spec)


class _Scale(NamedTuple):
    """An axis of parallel coordinates: of numbers from `low` to `high`, or of texts in order.

    Positive numbers over more than two powers of ten stand by their logarithm.
    """

    low: float
    high: float
    texts: tuple[str, ...]

    def place(self, value: Any) -> float:
        """Where a value stands, from 0 to 1."""
        if self.texts:
            return self.texts.index(str(value)) / max(len(self.texts) - 1, 1)
        if self.low == self.high:
            return 0.5
        if self.low > 0 and self.high / self.low > _WIDE:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return float((value - self.low) / (self.high - self.low))

    def marks(self) -> list[tuple[float, str]]:
        """Places and texts to be written at the axis."""
        if self.texts:
            return [(self.place(text), text) for text in self.texts[:12]]
        if self.low == self.high:
            return [(0.5, f"{self.low:g}")]
        return [(0.0, f"{self.low:g}"), (1.0, f"{self.high:g}")]


def _scale(values: Sequence[Any]) -> _Scale:
    drawn = [value for value in values if _is_drawn(value)]
    if drawn and all(is_number(value) for value in drawn):
        return _Scale(min(drawn), max(drawn), ())
    return _Scale(0, 0, tuple(sorted({str(value) for value in drawn})))


def _is_drawn(value: Any) -> bool:
    return is_number(value) or isinstance(value, str | bool)
