"""Charts of curves. No input or output."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gitexp.extras.plots.charts import Chart, Spec, channel, framed
from gitexp.extras.plots.curves import DrawnCurve, XAxis
from gitexp.extras.plots.palette import colours, dashes

_TITLES = {XAxis.STEP: "step", XAxis.TIME: "seconds", XAxis.CLOCK: "time"}


def curves_chart(
    title: str, curves: Sequence[DrawnCurve], axis: XAxis = XAxis.STEP, logarithmic: Sequence[str] = ()
) -> Chart:
    """Curves in one chart: bands of replicates below, lines before smoothing pale, the lines on top.

    `logarithmic` has the axes with a logarithmic scale, of `x` and `y`.
    """
    kind = "quantitative"
    if axis is XAxis.CLOCK:
        kind = "temporal"
    x = channel("x", _TITLES[axis], kind, logarithmic)
    y = channel("y", title, "quantitative", logarithmic)
    labels = [curve.label for curve in curves]
    base = {"x": x, "color": _colour(labels), **_strokes(labels)}
    layers: list[Spec] = []
    if any(curve.low for curve in curves):
        edges = {"y": {**y, "field": "low"}, "y2": {"field": "high"}}
        mark = {"type": "area", "opacity": 0.2, "clip": True}
        is_there = [{"filter": {"field": "low", "valid": True}}]
        layers.append({"mark": mark, "encoding": {**base, **edges}, "transform": is_there})
    if any(curve.pale for curve in curves):
        mark = {"type": "line", "opacity": 0.25, "clip": True}
        layers.append({"mark": mark, "encoding": {**base, "y": {**y, "field": "pale"}}})
    mark = {"type": "line", "clip": True, "point": all(len(curve.x) < 2 for curve in curves)}
    tooltip = [
        {"field": "label", "title": "experiment"},
        {"field": "x", "title": _TITLES[axis], "type": x["type"]},
        {"field": "y", "title": title, "type": "quantitative", "format": ".5g"},
    ]
    layers.append({"mark": mark, "encoding": {**base, "y": y, "tooltip": tooltip}})
    points: list[Spec] = []
    for curve in curves:
        points += _points(curve)
    return Chart(title, {**framed(title, points), "layer": layers})


def _points(curve: DrawnCurve) -> list[Spec]:
    found = []
    for at, (x, y) in enumerate(zip(curve.x, curve.y, strict=True)):
        point: Spec = {"label": curve.label, "x": x, "y": y}
        if curve.low:
            point |= {"low": curve.low[at], "high": curve.high[at]}
        if curve.pale and math.isfinite(curve.pale[at]):
            point["pale"] = curve.pale[at]
        found.append(point)
    return found


_LEGEND: Spec = {"labelLimit": 240, "symbolType": "stroke", "symbolOpacity": 1, "symbolStrokeWidth": 3}


def _colour(labels: Sequence[str]) -> Spec:
    scale = {"domain": [*labels], "range": colours(labels)}
    return {"field": "label", "type": "nominal", "title": None, "scale": scale, "legend": _LEGEND}


def _strokes(labels: Sequence[str]) -> Spec:
    """The strokes of the lines if two runs share a colour; {} if all colours differ."""
    if len(set(colours(labels))) == len(set(labels)):
        return {}
    scale = {"domain": [*labels], "range": [[*dash] for dash in dashes(labels)]}
    stroke = {"field": "label", "type": "nominal", "title": None, "scale": scale, "legend": _LEGEND}
    return {"strokeDash": stroke}
