"""A grid of two params with few values: each cell has the mean of its experiments. No input or output."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp import averages
from gitexp.extras.plots.charts import Spec, hover
from gitexp.extras.plots.of_many.plotted_experiments import AxisColumn, PlottedExperiment
from gitexp.extras.plots.of_many.scatter_charts import NAME
from gitexp.named_tuple import NamedTuple
from gitexp.words import PRECISION, show_value

_FEW = 10  # different numbers of a param that are columns of a grid, and not a range
_BINS = 8  # of a range beside texts or few numbers
# Of the names of pieces of a range, which are long.
_TWO_LINES = "[split(datum.label, ' to ')[0], 'to ' + split(datum.label, ' to ')[1]]"
_STEP = {"width": 64, "height": 44}  # pixels of a cell


class Measurement(NamedTuple):
    """An experiment with both params and the metric.

    Attributes:
        value: the number of the metric.
        told: the formatted number; for replicates with the deviation.
    """

    experiment: PlottedExperiment
    x: float | str
    y: float | str
    value: float
    told: str


class Side(NamedTuple):
    """A side of a grid.

    Attributes:
        is_grid: true for few values, false for a range, divided into intervals.
        names: the names of the rows or columns, in order.
        column: the param.
    """

    is_grid: bool
    names: Sequence[str]
    column: AxisColumn

    def name(self, value: float | str) -> str:
        """The row or column of a value."""
        if isinstance(value, str):
            return value
        if self.is_grid:
            return show_value(value, PRECISION)
        return self.names[min(int(self.column.share(value) * _BINS), _BINS - 1)]


def side_of(column: AxisColumn, values: Sequence[float | str]) -> Side:
    """The side of a grid for a param with some values."""
    if not column.numbers:
        return Side(True, column.texts, column)
    numbers = sorted({value for value in values if isinstance(value, float)})
    if len(numbers) <= _FEW and 2 * len(numbers) <= len(values):
        return Side(True, [show_value(number, PRECISION) for number in numbers], column)
    names = []
    for at in range(_BINS):
        names.append(f"{column.at(at / _BINS):.3g} to {column.at((at + 1) / _BINS):.3g}")
    return Side(False, names, column)


def sides_of(found: Sequence[Measurement], columns: tuple[AxisColumn, AxisColumn]) -> tuple[Side, Side]:
    """The sides of the grid of two params."""
    across = [one.x for one in found]
    up = [one.y for one in found]
    return side_of(columns[0], across), side_of(columns[1], up)


class CellMean(NamedTuple):
    """The mean of the experiments in a cell, and their number."""

    mean: float
    of: int


def cell_means(found: Sequence[Measurement], sides: tuple[Side, Side]) -> dict[tuple[str, str], CellMean]:
    """The means of the cells with an experiment, by the names of their column and row."""
    inside: dict[tuple[str, str], list[float]] = {}
    for one in found:
        inside.setdefault((sides[0].name(one.x), sides[1].name(one.y)), []).append(one.value)
    return {cell: CellMean(averages.mean(of), len(of)) for cell, of in inside.items()}


def grid_chart(found: Sequence[Measurement], sides: tuple[Side, Side], colour: Spec) -> Spec:
    """The layers of the chart: cells with the mean of their experiments, and the experiments as dots."""
    cells: list[Spec] = []
    for (across, up), (mean, count) in cell_means(found, sides).items():
        cell: Spec = {"column": across, "row": up, "value": mean, "count": count}
        cells.append(cell | {"text": show_value(mean, 3)})
    axes: Spec = {}
    for axis, field, side in (("x", "column", sides[0]), ("y", "row", sides[1])):
        scale = {"domain": [*side.names], "reverse": axis == "y"}
        labels: Spec = {"labelAngle": 0, "labelLimit": 120}
        if axis == "x":
            labels["labelLimit"] = _STEP["width"]
            if not side.is_grid:
                labels["labelExpr"] = _TWO_LINES
        axes[axis] = {"field": field, "type": "ordinal", "title": side.column.key, "scale": scale}
        axes[axis]["axis"] = labels
    tooltip = [hover("text", colour["title"]), {"field": "count", "title": "experiments"}]
    low, high = colour["scale"].get("domain", (0, 0))
    is_light = {"test": {"field": "value", "gt": low / 2 + high / 2}, "value": "black"}
    text = {
        "mark": {"type": "text", "dy": -7, "fontSize": 11},
        "encoding": {**axes, "text": {"field": "text"}, "color": {"condition": is_light, "value": "white"}},
    }
    rect = {"mark": "rect", "encoding": {**axes, "fill": colour, "tooltip": tooltip}}
    grid = {"data": {"values": cells}, "layer": [rect, text]}
    size = {"width": _STEP["width"] * len(sides[0].names), "height": _STEP["height"] * len(sides[1].names)}
    resolve = {"scale": {"x": "independent", "y": "independent"}}
    return {**size, "layer": [grid, _inside(found, sides, colour)], "resolve": resolve}


def _inside(found: Sequence[Measurement], sides: tuple[Side, Side], colour: Spec) -> Spec:
    """The layer of dots. The dots of a cell stand side by side, below the mean."""
    members: dict[tuple[str, str], list[Spec]] = {}
    for one, point in zip(found, points_of(found), strict=True):
        members.setdefault((sides[0].name(one.x), sides[1].name(one.y)), []).append(point)
    placed = []
    for (across, up), points in members.items():
        column, row = sides[0].names.index(across), sides[1].names.index(up)
        for at, point in enumerate(points):
            place = {"across": column + 0.1 + 0.8 * (at + 0.5) / len(points), "up": row + 0.28}
            placed.append({**point, **place})
    axes: Spec = {}
    for axis, field, side in (("x", "across", sides[0]), ("y", "up", sides[1])):
        scale = {"domain": [0, len(side.names)], "nice": False}
        axes[axis] = {"field": field, "type": "quantitative", "scale": scale, "axis": None}
    layer = point_layer(axes, (sides[0].column.key, sides[1].column.key), colour)
    layer["mark"] |= {"size": 30, "strokeWidth": 1}
    return {**layer, "data": {"values": placed}}


def points_of(found: Sequence[Measurement]) -> list[Spec]:
    """The data of a chart: a row for each experiment."""
    points: list[Spec] = []
    for one in found:
        point: Spec = {"label": one.experiment.label, "x": one.x, "y": one.y, "value": one.value}
        points.append({**point, "told": one.told})
    return points


def point_layer(axes: Spec, keys: tuple[str, str], colour: Spec) -> Spec:
    """The layer of the experiments, coloured by their own values, with a white edge."""
    tooltip = [NAME, hover("told", colour["title"])]
    for axis, key in zip("xy", keys, strict=True):
        tooltip.append(hover(axis, key))
    mark = {"type": "point", "filled": True, "size": 70, "opacity": 1, "stroke": "white", "strokeWidth": 1.5}
    encoding = {**axes, "fill": {**colour, "legend": None}, "tooltip": tooltip}
    return {"mark": mark, "encoding": encoding}
