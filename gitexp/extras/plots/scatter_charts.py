"""Columns of the table against each other, a dot an experiment. No input or output."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.extras.plots.charts import SCHEMA, Chart, Spec, framed, hover, titled
from gitexp.extras.plots.dots import DONE, Column, Dot, axes_of, column_of, left_out, told
from gitexp.extras.plots.palette import COLOURS, FAINT, SCHEME

_CELL = 150  # pixels of one small chart of a matrix
_MOST_COLUMNS = 6
_HINT = "Drag over dots to mark them in all charts, click beside them to unmark."

# An experiment that is not done is a cross.
SHAPE: Spec = {"condition": {"test": {"field": "state", "equal": DONE}, "value": "circle"}, "value": "cross"}
NAME: Spec = {"field": "label", "title": "experiment"}
STATE: Spec = {"field": "state", "title": "state"}


def axis_of(column: Column, field: str) -> Spec:
    """The axis of a column."""
    found = {"field": field, "type": column.kind, "title": column.key, "scale": column.scale()}
    return {**found, "axis": column.axis()}


def scatter_chart(dots: Sequence[Dot], x: str, y: str, logarithmic: Sequence[str] | None = None) -> Chart:
    """Two columns against each other; replicates are one dot with the deviation of their numbers.

    `logarithmic` has the axes with a logarithmic scale, of `x` and `y`; None: as it fits their values.
    """
    columns = axes_of(dots, (x, y), logarithmic)
    values = []
    for dot in dots:
        at, up = columns[0].value(dot), columns[1].value(dot)
        if at is not None and up is not None:
            point: Spec = {"label": dot.label, "state": dot.state, "x": at, "y": up}
            point |= {"told x": told(dot, x), "told y": told(dot, y)}
            point |= _reach(dot, columns[0], "left", "right") | _reach(dot, columns[1], "low", "high")
            values.append(point)
    encoding = {"x": axis_of(columns[0], "x"), "y": axis_of(columns[1], "y")}
    tooltip = [NAME, hover("told x", x), hover("told y", y), STATE]
    mark = {"type": "point", "filled": True, "size": 60, "opacity": 0.8, "color": COLOURS[0]}
    layers: list[Spec] = []
    for field, end, axis in (("left", "right", "x"), ("low", "high", "y")):
        if any(field in value for value in values):
            layers.append(_bars(encoding, field, end, axis))
    layers.append({"mark": mark, "encoding": {**encoding, "shape": SHAPE, "tooltip": tooltip}})
    remark = left_out(len(dots) - len(values), f"without a value of {x} and {y}")
    return Chart(f"{y} against {x}", {**framed(f"{y} against {x}", values, remark), "layer": layers})


def _reach(dot: Dot, column: Column, low: str, high: str) -> Spec:
    """The ends of the bar of a dot with a deviation, one standard deviation to each side."""
    value, deviation = column.value(dot), dot.deviation(column.key)
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
    """The layers of the names of dots; `side` says on which side of its dot a name stands."""
    layers = []
    for align, dx in (("left", 6), ("right", -6)):
        mark = {"type": "text", "align": align, "dx": dx, "dy": -7, "fontSize": 9}
        encoding = {"x": x, "y": y, "text": {"field": "label"}}
        only = {"filter": {"field": "side", "equal": align}}
        layers.append({"transform": [only], "mark": mark, "encoding": encoding})
    return layers


def matrix_chart(dots: Sequence[Dot], keys: Sequence[str]) -> Chart:
    """Each two of several columns against each other, coloured by the last one.

    What is marked in one of the small charts of a page stands out in all of them.
    """
    columns = [column_of(dots, key) for key in keys[-_MOST_COLUMNS:]]
    values, names = [], []
    for dot in dots:
        point: Spec = {"label": dot.label, "state": dot.state}
        for at, column in enumerate(columns):
            point[f"v{at}"] = column.value(dot)
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


def _cell(columns: Sequence[Column], across: int, down: int) -> Spec:
    """The small chart of two columns; only those at the edge have titles."""
    last = len(columns) - 1
    x, y = axis_of(columns[across], f"v{across}"), axis_of(columns[down], f"v{down}")
    for axis in (x, y):
        axis["axis"] |= {"tickCount": 3, "grid": False}
    x["title"] = x["title"] if down == last else None
    y["title"] = y["title"] if across == 0 else None
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


def _is_there(column: Column, field: str) -> Spec:
    if column.numbers:
        return {"field": field, "valid": True}
    return {"field": field, "oneOf": [*column.texts]}
