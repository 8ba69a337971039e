"""Histograms: how often values lie in each of some equal intervals. No input or output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitexp.extras.plots.charts import Chart, Spec, framed

_MOST_BINS = 40


def distribution_chart(
    title: str, x_title: str, values: Mapping[str, Sequence[float]], colour: Spec
) -> Chart:
    """The histograms of experiments over one another, with the same intervals; `values` by experiment."""
    every: list[float] = []
    for of in values.values():
        every += of
    bars: list[Spec] = []
    if every:
        low, width, count = intervals(every)
        for label, of in values.items():
            counts = [0] * count
            for value in of:
                counts[min(int((value - low) / width), count - 1)] += 1
            for at, number in enumerate(counts):
                edges = {"from": low + at * width, "to": low + (at + 1) * width}
                bars.append({"label": label, **edges, "count": number, "share": number / max(len(of), 1)})
    opacity = 0.9
    if len(values) > 1:
        opacity = 0.5
    mark = {"type": "bar", "opacity": opacity, "binSpacing": 0}
    encoding = {
        "x": {"field": "from", "type": "quantitative", "title": x_title, "scale": {"zero": False}},
        "x2": {"field": "to"},
        "y": {"field": "count", "type": "quantitative", "stack": None},
        "y2": {"datum": 0},
        "color": colour,
        "tooltip": [
            {"field": "label", "title": "experiment"},
            {"field": "from", "format": ".5g", "type": "quantitative"},
            {"field": "to", "format": ".5g", "type": "quantitative"},
            {"field": "count", "type": "quantitative"},
            {"field": "share", "type": "quantitative", "format": ".3f"},
        ],
    }
    return Chart(title, {**framed(title, bars), "mark": mark, "encoding": encoding})


def intervals(values: Sequence[float]) -> tuple[float, float, int]:
    """The lower end of the first interval, the width of each, and their number.

    Their number: the square root of the number of values.
    """
    low, high = min(values), max(values)
    count = max(min(round(len(values) ** 0.5), _MOST_BINS), 1)
    width = high / count - low / count
    if width <= 0:
        return low - 0.5, 1.0, 1
    return low, width, count
