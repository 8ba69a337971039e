"""Curves of rates: ROC, precision and recall, calibration, known by their columns. No input or output."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from gitexp.extras.plots.charts import Chart, Spec
from gitexp.extras.plots.of_files.file_charts import FilePlot, lines
from gitexp.extras.plots.of_files.file_points import PlotPoint, number_of
from gitexp.files.plot_entries import PlotColumn, PlotEntry
from gitexp.named_tuple import NamedTuple


class Rates(NamedTuple):
    """A kind of curve with two rates.

    Attributes:
        x, y: the columns.
        x_title, y_title: the titles of the axes.
        has_area: whether the area under the curve measures quality.
        has_diagonal: whether to draw the diagonal, for a random or a perfect model.
    """

    x: str
    y: str
    x_title: str
    y_title: str
    has_area: bool
    has_diagonal: bool


# By the names of scikit-learn's results, which dvclive's files have too.
KINDS = (
    Rates("fpr", "tpr", "false positive rate", "true positive rate", True, True),
    Rates("recall", "precision", "recall", "precision", True, False),
    Rates("prob_pred", "prob_true", "mean predicted probability", "share of positives", False, True),
    Rates("fpr", "fnr", "false positive rate", "false negative rate", False, False),
)
_PAIRS = ("actual", "predicted")  # of a confusion matrix, as dvclive calls them


def kind_of(columns: Collection[str]) -> Rates | None:
    """The kind of curve for a table with some columns."""
    for kind in KINDS:
        if kind.x in columns and kind.y in columns:
            return kind
    return None


def kind_between(x: str, y: str) -> Rates | None:
    """The kind of curve with the axes x and y."""
    for kind in KINDS:
        if (kind.x, kind.y) == (x, y):
            return kind
    return None


def recognised(entry: PlotEntry, columns: Collection[str]) -> PlotEntry:
    """The entry of a table; without axes of its own, with the axes for its columns."""
    if entry.xs or entry.ys or entry.template:
        return entry
    kind = kind_of(columns)
    if kind is not None:
        x, y = (PlotColumn("", kind.x),), (PlotColumn("", kind.y),)
        titled = entry._replace(x_label=entry.x_label or kind.x_title, y_label=entry.y_label or kind.y_title)
        return titled._replace(xs=x, ys=y)
    if all(name in columns for name in _PAIRS):
        x, y = ((PlotColumn("", name),) for name in _PAIRS)
        return entry._replace(xs=x, ys=y, template="confusion")
    return entry


def rates_chart(plot: FilePlot, kind: Rates) -> Chart:
    """Curves of rates from 0 to 1, never smoothed, with the areas under the curves in the legend."""
    if kind.has_area:
        plot = plot._replace(remarks=_areas(plot.points))
    chart = lines(plot, 0.0)
    spec = chart.spec
    for layer in spec["layer"]:
        for axis in ("x", "y"):
            layer["encoding"][axis] = {**layer["encoding"][axis], "scale": {"domain": [0, 1], "nice": False}}
    if kind.has_diagonal:
        spec["layer"].append(_diagonal())
    spec["width"] = spec["height"] = 320
    return chart


def _diagonal() -> Spec:
    ends = [{"x": 0, "y": 0}, {"x": 1, "y": 1}]
    encoding = {axis: {"field": axis, "type": "quantitative"} for axis in ("x", "y")}
    mark = {"type": "line", "strokeDash": [3, 3], "color": "#888888"}
    return {"data": {"values": ends}, "mark": mark, "encoding": encoding}


def _areas(points: Sequence[PlotPoint]) -> dict[str, str]:
    """The area under the curve of each experiment, formatted; {} if experiments have several curves."""
    by_label: dict[str, list[PlotPoint]] = {}
    for point in points:
        by_label.setdefault(point.label, []).append(point)
    found = {}
    for label, of in by_label.items():
        if len({(point.file, point.column) for point in of}) > 1:
            return {}
        found[label] = f"  area {area(of):.3f}"
    return found


def area(points: Sequence[PlotPoint]) -> float:
    """The area under a curve, by trapezoids between its points in their order."""
    total = 0.0
    last: tuple[float, float] | None = None
    for point in points:
        x, y = number_of(point.x), number_of(point.y)
        if x is None or y is None:
            continue
        if last is not None:
            total += (x - last[0]) * (y + last[1]) / 2
        last = x, y
    return abs(total)
