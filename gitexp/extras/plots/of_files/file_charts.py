"""Charts of plots of files, by the name of their template. No input or output.

The names are those of DVC's templates, and `histogram`. The charts are ours: a chart has the title of a
column as a text, and never as a field or an expression.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitexp.extras.plots.charts import HEIGHT, Chart, Spec, channel, framed
from gitexp.extras.plots.curves import DrawnCurve, drawable, smoothed, thinned
from gitexp.extras.plots.of_files.confusion_charts import confusion_chart
from gitexp.extras.plots.of_files.distributions import distribution_chart
from gitexp.extras.plots.of_files.file_points import PlotPoint, number_of
from gitexp.extras.plots.palette import COLOURS, DASHES, colours, dashes
from gitexp.named_tuple import NamedTuple

MOST_DOTS = 5000  # of a chart
_SMOOTHING = 0.6  # of the template `smooth`, where nobody says how much


class FilePlot(NamedTuple):
    """A plot of files, ready to be drawn.

    Attributes:
        title: the name above the chart.
        x_title, y_title: the titles of the axes.
        points: the points of all experiments.
        remarks: the text behind the name of an experiment in the legend.
        logarithmic: the axes of lines and dots with a logarithmic scale, of `x` and `y`.
    """

    title: str
    x_title: str
    y_title: str
    points: Sequence[PlotPoint]
    remarks: Mapping[str, str] = {}
    logarithmic: Sequence[str] = ()

    @property
    def labels(self) -> list[str]:
        return list(dict.fromkeys(point.label for point in self.points))

    def shown(self, label: str) -> str:
        """The name of an experiment in the legend."""
        return label + self.remarks.get(label, "")


def file_chart(plot: FilePlot, template: str, smoothing: float = 0.0) -> Chart:
    """The chart by a template of `TEMPLATES`; `smoothing`: the weight for lines."""
    return TEMPLATES[template](plot, smoothing)


# -- lines ---------------------------------------------------------------------------------------------


def lines(plot: FilePlot, smoothing: float) -> Chart:
    """A line for each experiment and column; with smoothing, also pale raw lines."""
    by_line: dict[tuple[str, str], list[PlotPoint]] = {}
    for point in plot.points:
        by_line.setdefault((point.label, _source(point)), []).append(point)
    x_kind = _kind([point.x for point in plot.points])
    values: list[Spec] = []
    for (label, source), points in by_line.items():
        values += _line(plot.shown(label), source, points, x_kind, smoothing)
    x = channel("x", plot.x_title, x_kind, plot.logarithmic)
    if x_kind == "ordinal":
        x = {"field": "x", "type": x_kind, "title": plot.x_title, "sort": None}
    y = channel("y", plot.y_title, "quantitative", plot.logarithmic)
    base = {"x": x, **_marks_of_lines(plot, [source for _, source in by_line])}
    layers: list[Spec] = []
    if smoothing:
        pale = {"mark": {"type": "line", "opacity": 0.25}, "encoding": {**base, "y": {**y, "field": "raw"}}}
        layers.append(pale)
    is_single = all(len(points) < 2 for points in by_line.values())
    mark = {"type": "line", "point": is_single}
    layers.append({"mark": mark, "encoding": {**base, "y": y, "tooltip": _tooltip(plot)}})
    return Chart(plot.title, {**framed(plot.title, values), "layer": layers})


def smooth_lines(plot: FilePlot, smoothing: float) -> Chart:
    """Lines, smoothed in any case."""
    return lines(plot, smoothing or _SMOOTHING)


def _line(label: str, source: str, points: Sequence[PlotPoint], x_kind: str, smoothing: float) -> list[Spec]:
    found = []
    if x_kind == "ordinal":
        for point in points:
            found.append({"label": label, "source": source, "x": _text(point.x), "y": number_of(point.y)})
        return found
    xs = [_float(point.x) for point in points]
    ys = [_float(point.y) for point in points]
    curve = drawable(DrawnCurve(label, xs, ys))
    if smoothing:
        curve = curve._replace(y=smoothed(curve.y, smoothing), pale=curve.y)
    curve = thinned(curve)
    for at, (x, y) in enumerate(zip(curve.x, curve.y, strict=True)):
        value: Spec = {"label": label, "source": source, "x": x, "y": y, "at": at}
        if curve.pale:
            value["raw"] = curve.pale[at]
        found.append(value)
    return found


# The legend of lines: as strong as the lines, even if those before smoothing are pale.
_KEY: Spec = {
    "type": "nominal",
    "title": None,
    "legend": {"labelLimit": 240, "symbolType": "stroke", "symbolOpacity": 1, "symbolStrokeWidth": 3},
}


def _marks_of_lines(plot: FilePlot, sources: Sequence[str]) -> Spec:
    """The colours and strokes of the lines.

    The colour marks the experiment, or the column of a single experiment. The stroke marks the column if
    several experiments have several columns, or else the experiment if two share a colour.
    """
    order = {"order": {"field": "at", "type": "quantitative"}}
    names, labels = list(dict.fromkeys(sources)), plot.labels
    if len(labels) < 2 and len(names) > 1:
        chosen = itertools.islice(itertools.cycle(COLOURS), len(names))
        scale: Spec = {"domain": names, "range": [*chosen]}
        return {**order, "color": {**_KEY, "field": "source", "scale": scale}}
    marks = {**order, "color": colour_of(plot)}
    if marks["color"]["legend"] is not None:
        marks["color"]["legend"] = _KEY["legend"]
    if len(names) > 1:
        strokes = itertools.islice(itertools.cycle(DASHES), len(names))
        scale = {"domain": names, "range": [[*stroke] for stroke in strokes]}
        marks["strokeDash"] = {**_KEY, "field": "source", "scale": scale}
    elif len(set(colours(labels))) < len(labels):
        scale = {"domain": [*map(plot.shown, labels)], "range": [[*dash] for dash in dashes(labels)]}
        marks["strokeDash"] = {**_KEY, "field": "label", "scale": scale}
    return marks


# -- dots ----------------------------------------------------------------------------------------------


def dots(plot: FilePlot, _: float) -> Chart:
    """A dot for each row."""
    x_kind = _kind([point.x for point in plot.points])
    y_kind = _kind([point.y for point in plot.points])
    values = []
    for point in few(plot.points):
        values.append(_value(point, x_kind, y_kind))
    encoding: Spec = {
        "x": channel("x", plot.x_title, x_kind, plot.logarithmic),
        "y": channel("y", plot.y_title, y_kind, plot.logarithmic),
        "color": colour_of(plot),
        "tooltip": _tooltip(plot),
    }
    for axis, kind in (("x", x_kind), ("y", y_kind)):
        if kind == "ordinal":
            encoding[axis] = {"field": axis, "type": "nominal", "title": encoding[axis]["title"]}
    if _has_sources(values):
        encoding["shape"] = {"field": "source", "type": "nominal", "title": None}
    mark = {"type": "point", "opacity": 0.7, "filled": len(plot.labels) < 2}
    return Chart(plot.title, {**framed(plot.title, values), "mark": mark, "encoding": encoding})


def jittered(plot: FilePlot, _: float) -> Chart:
    """A dot for each row at a pair of classes, moved a little because equal rows would overlap."""
    values = []
    for at, point in enumerate(few(plot.points)):
        value = _value(point, "ordinal", "ordinal")
        digest = hashlib.blake2b(at.to_bytes(8, "big"), digest_size=2).digest()
        value["right"], value["down"] = digest[0] / 255, digest[1] / 255
        values.append(value)
    away = {"type": "quantitative", "scale": {"domain": [-0.3, 1.3]}}
    encoding = {
        "x": {"field": "x", "type": "nominal", "title": plot.x_title, "axis": {"labelAngle": 0}},
        "y": {"field": "y", "type": "nominal", "title": plot.y_title},
        "xOffset": {"field": "right", **away},
        "yOffset": {"field": "down", **away},
        "color": colour_of(plot),
        "tooltip": _tooltip(plot),
    }
    mark = {"type": "point", "opacity": 0.7}
    return Chart(plot.title, {**framed(plot.title, values), "mark": mark, "encoding": encoding})


def few(points: Sequence[PlotPoint]) -> Sequence[PlotPoint]:
    """At most `MOST_DOTS` points: all, or an even choice."""
    if len(points) <= MOST_DOTS:
        return points
    return [points[at * len(points) // MOST_DOTS] for at in range(MOST_DOTS)]


# -- bars ----------------------------------------------------------------------------------------------


def bars(plot: FilePlot, _: float) -> Chart:
    """A bar for each row with the length x and the name y. Bars begin at 0."""
    return _bars(plot, None)


def sorted_bars(plot: FilePlot, _: float) -> Chart:
    """Bars, the longest first."""
    return _bars(plot, "-x")


def _bars(plot: FilePlot, sort: str | None) -> Chart:
    values = [_value(point, "quantitative", "ordinal") for point in few(plot.points)]
    names = {value["y"] for value in values}
    encoding: Spec = {
        "x": {"field": "x", "type": "quantitative", "title": plot.x_title},
        "y": {"field": "y", "type": "nominal", "title": plot.y_title, "sort": sort},
        "color": colour_of(plot),
        "tooltip": _tooltip(plot),
    }
    if len(plot.labels) > 1:
        encoding["yOffset"] = {"field": "label", "sort": plot.labels}
    if _has_sources(values):
        encoding["column"] = {"field": "source", "title": None}
    spec = {**framed(plot.title, values), "mark": {"type": "bar"}, "encoding": encoding}
    spec["height"] = min(max(HEIGHT, 14 * len(names) * len(plot.labels)), 10 * HEIGHT)
    return Chart(plot.title, spec)


# -- parts ---------------------------------------------------------------------------------------------


def colour_of(plot: FilePlot) -> Spec:
    """The colour of experiments. A run has the same colour in every chart. No legend for one experiment."""
    labels = plot.labels
    scale = {"domain": [plot.shown(label) for label in labels], "range": colours(labels)}
    legend = {"labelLimit": 240}
    found: Spec = {"field": "label", "type": "nominal", "title": None, "scale": scale, "legend": legend}
    if len(labels) < 2 and not plot.remarks:
        found["legend"] = None
    return found


def _tooltip(plot: FilePlot) -> list[Spec]:
    found = [{"field": "label", "title": "experiment"}, {"field": "x", "title": plot.x_title}]
    found.append({"field": "y", "title": plot.y_title})
    if len({_source(point) for point in plot.points}) > 1:
        found.append({"field": "source", "title": "column"})
    return found


def _value(point: PlotPoint, x_kind: str, y_kind: str) -> Spec:
    return {
        "label": point.label,
        "source": _source(point),
        "x": _cell(point.x, x_kind),
        "y": _cell(point.y, y_kind),
    }


def _cell(value: Any, kind: str) -> float | str | None:
    if kind == "quantitative":
        return number_of(value)
    return _text(value)


def _has_sources(values: Sequence[Spec]) -> bool:
    """Whether the points come from several columns."""
    return len({value["source"] for value in values}) > 1


def _source(point: PlotPoint) -> str:
    """The file and column of a point for a legend."""
    if point.file:
        return f"{point.file} {point.column}"
    return point.column


def _kind(values: Sequence[Any]) -> str:
    """The type of an axis: "quantitative" if at least half of the values are numbers."""
    numbers = sum(number_of(value) is not None for value in values)
    if 2 * numbers >= len(values):
        return "quantitative"
    return "ordinal"


def _float(value: Any) -> float:
    found = number_of(value)
    if found is None:
        return float("nan")
    return found


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value)


def _counted(plot: FilePlot, _: float) -> Chart:
    return confusion_chart(plot.title, plot.x_title, plot.y_title, plot.points, normalized=False)


def _shares(plot: FilePlot, _: float) -> Chart:
    return confusion_chart(plot.title, plot.x_title, plot.y_title, plot.points, normalized=True)


def _binned(plot: FilePlot, _: float) -> Chart:
    values: dict[str, list[float]] = {}
    for point in plot.points:
        number = number_of(point.y)
        if number is not None:
            values.setdefault(plot.shown(point.label), []).append(number)
    return distribution_chart(plot.title, plot.y_title, values, colour_of(plot))


TEMPLATES: Mapping[str, Callable[[FilePlot, float], Chart]] = {
    "linear": lines,
    "simple": lines,
    "smooth": smooth_lines,
    "scatter": dots,
    "scatter_jitter": jittered,
    "confusion": _counted,
    "confusion_normalized": _shares,
    "bar_horizontal": bars,
    "bar_horizontal_sorted": sorted_bars,
    "histogram": _binned,
}
