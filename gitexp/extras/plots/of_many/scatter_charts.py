"""Columns of the table against each other, a dot an experiment. No input or output."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.extras.plots.charts import SCHEMA, Chart, Spec, framed, hover, titled
from gitexp.extras.plots.of_many.plotted_experiments import (
    DONE,
    AxisColumn,
    Experiments,
    PlottedExperiment,
    axes_of,
    column_of,
    left_out,
    told,
)
from gitexp.extras.plots.palette import COLOURS, FAINT, SCHEME

_CELL = 150  # pixels of one small chart of a matrix
_MOST_COLUMNS = 6
_HINT = "Drag over dots to mark them in all charts, click beside them to unmark."

# An experiment that is not done is a cross.
SHAPE: Spec = {"condition": {"test": {"field": "state", "equal": DONE}, "value": "circle"}, "value": "cross"}
NAME: Spec = {"field": "label", "title": "experiment"}
STATE: Spec = {"field": "state", "title": "state"}


def axis_of(column: AxisColumn, field: str) -> Spec:
    """The axis of a column."""
    found = {"field": field, "type": column.kind, "title": column.key, "scale": column.scale()}
    return {**found, "axis": column.axis()}


def scatter_chart(
    experiments: Experiments, x: str, y: str, logarithmic: Sequence[str] | None = None
) -> Chart:
    """Two columns against each other; replicates are one dot with the deviation of their numbers.

    `logarithmic`: the axes with a logarithmic scale, of `x` and `y`; None: chosen by the values.
    """
    columns = axes_of(experiments, (x, y), logarithmic)
    values = []
    for experiment in experiments:
        at, up = columns[0].value(experiment), columns[1].value(experiment)
        if at is not None and up is not None:
            point: Spec = {"label": experiment.label, "state": experiment.state, "x": at, "y": up}
            point |= {"told x": told(experiment, x), "told y": told(experiment, y)}
            point |= _reach(experiment, columns[0], "left", "right") | _reach(
                experiment, columns[1], "low", "high"
            )
            values.append(point)
    encoding = {"x": axis_of(columns[0], "x"), "y": axis_of(columns[1], "y")}
    tooltip = [NAME, hover("told x", x), hover("told y", y), STATE]
    mark = {"type": "point", "filled": True, "size": 60, "opacity": 0.8, "color": COLOURS[0]}
    layers: list[Spec] = []
    for field, end, axis in (("left", "right", "x"), ("low", "high", "y")):
        if any(field in value for value in values):
            layers.append(_bars(encoding, field, end, axis))
    layers.append({"mark": mark, "encoding": {**encoding, "shape": SHAPE, "tooltip": tooltip}})
    remark = left_out(len(experiments) - len(values), f"without a value of {x} and {y}")
    return Chart(f"{y} against {x}", {**framed(f"{y} against {x}", values, remark), "layer": layers})


def _reach(experiment: PlottedExperiment, column: AxisColumn, low: str, high: str) -> Spec:
    """The ends of the bar of a dot with a deviation, one standard deviation to each side."""
    value, deviation = column.value(experiment), experiment.deviation(column.key)
    if not deviation or not isinstance(value, float):
        return {}
    if column.logarithmic and value <= deviation:
        return {}
    return {low: value - deviation, high: value + deviation}


def _bars(encoding: Spec, field: str, end: str, axis: str) -> Spec:
    return {
        "transform": [{"filter": {"field": field, "valid": True}}],
        "mark": {"type": "rule", "color": COLOURS[0], "opacity": 0.5},
        "encoding": {**encoding, axis: {**encoding[axis], "field": field}, f"{axis}2": {"field": end}},
    }


def names_beside(x: Spec, y: Spec) -> list[Spec]:
    """The layers of the names of dots. The field `side` of a dot: the alignment of the name."""
    layers = []
    for align, dx in (("left", 6), ("right", -6)):
        mark = {"type": "text", "align": align, "dx": dx, "dy": -7, "fontSize": 9}
        encoding = {"x": x, "y": y, "text": {"field": "label"}}
        only = {"filter": {"field": "side", "equal": align}}
        layers.append({"transform": [only], "mark": mark, "encoding": encoding})
    return layers


def matrix_chart(experiments: Experiments, keys: Sequence[str]) -> Chart:
    """All pairs of columns against each other, coloured by the last column.

    On a page, a selection in one of the small charts shows in all of them.
    """
    columns = [column_of(experiments, key) for key in keys[-_MOST_COLUMNS:]]
    values, names = [], []
    for experiment in experiments:
        point: Spec = {"label": experiment.label, "state": experiment.state}
        for at, column in enumerate(columns):
            point[f"v{at}"] = column.value(experiment)
        values.append(point)
    rows: list[Spec] = []
    for down in range(1, len(columns)):
        row = []
        for across in range(down):
            names.append(f"of {across} and {down}")
            row.append({"name": names[-1], **_cell(columns, across, down)})
        rows.append({"hconcat": row})
    title = f"{columns[-1].key} and {', '.join(column.key for column in columns[:-1])}"
    remark = ""
    if len(keys) > len(columns):
        remark = f"the last {len(columns)} of {len(keys)} columns"
    brush = {"name": "brush", "select": {"type": "interval", "resolve": "global"}, "views": names}
    spec: Spec = {"$schema": SCHEMA, "title": titled(title, remark), "data": {"values": values}}
    return Chart(title, {**spec, "params": [brush], "vconcat": rows}, hint=_HINT)


def _cell(columns: Sequence[AxisColumn], across: int, down: int) -> Spec:
    """The small chart of two columns; only charts at the edge have titles."""
    last = len(columns) - 1
    x, y = axis_of(columns[across], f"v{across}"), axis_of(columns[down], f"v{down}")
    for axis in (x, y):
        axis["axis"] |= {"tickCount": 3, "grid": False}
    if down != last:
        x["title"] = None
    if across != 0:
        y["title"] = None
    shade: Spec = {"field": f"v{last}", "type": columns[last].kind, "title": columns[last].key}
    if columns[last].numbers:
        shade["scale"] = {**SCHEME}
        if columns[last].logarithmic:
            shade["scale"]["type"] = "log"
    else:
        shade["scale"] = {"range": [*COLOURS]}
    tooltip = [NAME]
    for at, column in enumerate(columns):
        tooltip.append(hover(f"v{at}", column.key))
    drawn = [_is_there(columns[at], f"v{at}") for at in (across, down)]
    return {
        "width": _CELL,
        "height": _CELL,
        "transform": [{"filter": {"and": drawn}}],
        "mark": {"type": "point", "filled": True, "size": 36, "opacity": 0.8},
        "encoding": {
            "x": x,
            "y": y,
            "shape": SHAPE,
            "color": {"condition": {"param": "brush", **shade}, "value": FAINT},
            "opacity": {"condition": {"param": "brush", "value": 0.9}, "value": 0.15},
            "tooltip": [*tooltip, STATE],
        },
    }


def _is_there(column: AxisColumn, field: str) -> Spec:
    if column.numbers:
        return {"field": field, "valid": True}
    return {"field": field, "oneOf": [*column.texts]}
