"""Two params and a metric: where good values lie. No input or output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from gitexp import averages
from gitexp.extras.plots.charts import Chart, Spec, framed
from gitexp.extras.plots.of_many.grid_chart import (
    Measurement,
    Side,
    grid_chart,
    point_layer,
    points_of,
    sides_of,
)
from gitexp.extras.plots.of_many.plotted_experiments import (
    AxisColumn,
    Experiments,
    axes_of,
    column_of,
    left_out,
    told,
)
from gitexp.extras.plots.palette import SCHEME
from gitexp.named_tuple import NamedTuple

_FINE = 32  # cells to a side of an interpolated field
_MOST_POINTS = 500  # that are interpolated between; more are dense enough for the means of cells
_NEAREST = 8  # points that a cell takes its value from
_SMALLEST_REACH, _LARGEST_REACH = 0.08, 0.25  # of a side

Place: TypeAlias = tuple[float, float]


def measurements(experiments: Experiments, x: AxisColumn, y: AxisColumn, metric: str) -> list[Measurement]:
    """The experiments with both params and a number of the metric."""
    found = []
    for experiment in experiments:
        across, up, value = x.value(experiment), y.value(experiment), experiment.result(metric)
        if across is not None and up is not None and value is not None:
            found.append(Measurement(experiment, across, up, value, told(experiment, metric)))
    return found


class ContourData(NamedTuple):
    """The data of a contour.

    Attributes:
        counting: the experiments with a number of the metric.
        axes: the two params.
        found: the measurements of the counting experiments with both params.
        sides: the sides of the grid of the params.
    """

    counting: Experiments
    axes: tuple[AxisColumn, AxisColumn]
    found: Sequence[Measurement]
    sides: tuple[Side, Side]

    @property
    def is_grid(self) -> bool:
        """Whether a param has few values, so that cells have means."""
        return self.sides[0].is_grid or self.sides[1].is_grid


def contour_data(
    experiments: Experiments, keys: tuple[str, str], metric: str, logarithmic: Sequence[str] | None
) -> ContourData:
    """The data of the contour of a metric over two params, for a chart and for a terminal."""
    counting = []
    for experiment in experiments:
        if experiment.result(metric) is not None:
            counting.append(experiment)
    axes = axes_of(counting, keys, logarithmic)
    found = measurements(counting, *axes, metric)
    return ContourData(counting, axes, found, sides_of(found, axes))


def contour_chart(
    experiments: Experiments,
    keys: tuple[str, str],
    metric: str,
    logarithmic: Sequence[str] | None = None,
) -> Chart:
    """The metric as colour over two params, with the experiments on top.

    Texts and few numbers make a grid: a cell has the mean of its experiments. Many different numbers make a
    field with an interpolated colour, blank away from experiments.
    """
    data = contour_data(experiments, keys, metric, logarithmic)
    found = data.found
    missing = left_out(len(experiments) - len(found), "without a number of a done run, or without a param")
    colour = _colour(found, column_of(data.counting, metric))
    if data.is_grid:
        drawn = grid_chart(found, data.sides, colour)
        remark = "the mean of each cell"
    else:
        drawn = _field_chart(found, *data.axes, colour)
        remark = "interpolated between experiments that are near; blank elsewhere"
        if len(found) > _MOST_POINTS:
            remark = "the mean of each cell"
    title = f"{metric} by {keys[0]} and {keys[1]}"
    if missing:
        remark = f"{remark}. {missing}"
    return Chart(title, {**framed(title, points_of(found), remark), **drawn})


def _colour(found: Sequence[Measurement], metric: AxisColumn) -> Spec:
    """The colour by the metric, from its lowest to its highest number."""
    scale: Spec = {**SCHEME, "type": "linear"}
    if metric.logarithmic:
        scale["type"] = "log"
    values = [one.value for one in found]
    if values:
        scale["domain"] = [min(values), max(values)]
    return {"field": "value", "type": "quantitative", "title": metric.key, "scale": scale}


def _field_chart(found: Sequence[Measurement], x: AxisColumn, y: AxisColumn, colour: Spec) -> Spec:
    """The layers of the chart of two ranges."""
    if len(found) <= _MOST_POINTS:
        cells = interpolated(found, x, y)
    else:
        cells = means(found, x, y)
    rects: list[Spec] = []
    for (across, up), value in cells.items():
        rect: Spec = {"value": value, "x": x.at(across / _FINE), "x2": x.at((across + 1) / _FINE)}
        rects.append(rect | {"y": y.at(up / _FINE), "y2": y.at((up + 1) / _FINE)})
    axes: Spec = {}
    for axis, column in (("x", x), ("y", y)):
        axes[axis] = {"field": axis, "type": "quantitative", "title": column.key, "scale": column.scale()}
        axes[axis]["axis"] = {**column.axis(), "grid": False}
    # A stroke of its own colour, so that no paper shines through between two cells.
    ends = {"x2": {"field": "x2"}, "y2": {"field": "y2"}}
    below = {
        "data": {"values": rects},
        "mark": {"type": "rect", "strokeWidth": 0.5},
        "encoding": {**axes, **ends, "fill": colour, "stroke": {**colour, "legend": None}},
    }
    return {"layer": [below, point_layer(axes, (x.key, y.key), colour)]}


# -- interpolated -------------------------------------------------------------------------------------


def interpolated(found: Sequence[Measurement], x: AxisColumn, y: AxisColumn) -> dict[tuple[int, int], float]:
    """The value of each cell near an experiment, by the number of the cell across and up.

    Shepard's method: the mean of the nearest experiments, weighted by the inverse square of the distance
    along the axes. A cell has no value if its distance to the nearest experiment exceeds twice the median
    distance of neighbours.
    """
    points = []
    for one in found:
        points.append(((x.share(one.x), y.share(one.y)), one.value))
    reach = _reach([place for place, _ in points])
    cells = {}
    for across in range(_FINE):
        for up in range(_FINE):
            centre = ((across + 0.5) / _FINE, (up + 0.5) / _FINE)
            near = sorted((math.dist(centre, place), value) for place, value in points)[:_NEAREST]
            if near and near[0][0] <= reach:
                cells[across, up] = _weighted(near)
    return cells


def _weighted(near: Sequence[tuple[float, float]]) -> float:
    weights = [1 / (distance**2 + 1e-6) for distance, _ in near]
    total = math.fsum(weights)
    parts = []
    for weight, (_, value) in zip(weights, near, strict=True):
        parts.append(weight / total * value)
    return math.fsum(parts)


def _reach(places: Sequence[Place]) -> float:
    """The largest distance of a cell to an experiment: twice the median distance of nearest neighbours."""
    different = sorted(set(places))
    if len(different) < 2:
        return _SMALLEST_REACH
    nearest = []
    for at, place in enumerate(different):
        nearest.append(min(math.dist(place, other) for other in different[:at] + different[at + 1 :]))
    usual = sorted(nearest)[len(nearest) // 2]
    return min(max(2 * usual, _SMALLEST_REACH), _LARGEST_REACH)


def means(found: Sequence[Measurement], x: AxisColumn, y: AxisColumn) -> dict[tuple[int, int], float]:
    """The mean of each cell with an experiment, by the number of the cell across and up."""
    inside: dict[tuple[int, int], list[float]] = {}
    for one in found:
        place = (_cell(x.share(one.x)), _cell(y.share(one.y)))
        inside.setdefault(place, []).append(one.value)
    return {place: averages.mean(values) for place, values in inside.items()}


def _cell(share: float) -> int:
    return min(int(share * _FINE), _FINE - 1)
