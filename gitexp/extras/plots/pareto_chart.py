"""Experiments by two or three objectives, and those that no other beats in everything. No input or output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gitexp.extras.plots.charts import Chart, Spec, framed, hover
from gitexp.extras.plots.dots import Column, Dot, column_of, left_out, told
from gitexp.extras.plots.palette import COLOURS, FAINT, SCHEME
from gitexp.extras.plots.scatter_charts import NAME, names_beside
from gitexp.project.directions import MIN
from gitexp.views.pareto import unbeaten

_FRONT = COLOURS[1]
_MOST_NAMES = 15
_LATE = 0.6  # of the width: from here on a name ends at its dot


class Front(NamedTuple):
    """The experiments with a number of each objective.

    Attributes:
        dots: all of them.
        front: the places of the unbeaten ones among them, the best by the first objective first.
    """

    dots: Sequence[Dot]
    front: Sequence[int]


def front_of(dots: Sequence[Dot], objectives: Mapping[str, str]) -> Front:
    """The experiments that count, and the Pareto front; `objectives` has the direction by metric."""
    counting, results = list[Dot](), list[list[float]]()
    for dot in dots:
        numbers = [number for metric in objectives if (number := dot.result(metric)) is not None]
        if len(numbers) == len(objectives):
            counting.append(dot)
            results.append(numbers)
    return Front(counting, unbeaten(results, list(objectives.values())))


def pareto_chart(
    dots: Sequence[Dot], objectives: Mapping[str, str], logarithmic: Sequence[str] | None = None
) -> Chart:
    """Two objectives against each other, the unbeaten experiments joined; a third one is the colour."""
    found = front_of(dots, objectives)
    metrics = list(objectives)
    columns = []
    for metric, axis in zip(metrics, ("x", "y", "colour"), strict=False):
        columns.append(
            column_of(found.dots, metric, logarithmic=None if logarithmic is None else axis in logarithmic)
        )
    values: list[Spec] = []
    for at, dot in enumerate(found.dots):
        is_front = at in found.front
        value: Spec = {"label": dot.label, "front": is_front}
        for place, column in enumerate(columns):
            value[f"v{place}"] = column.value(dot)
            value[f"told {place}"] = told(dot, column.key)
        if is_front and len(found.front) <= _MOST_NAMES:
            x = columns[0].value(dot)
            value["side"] = "right" if x is not None and columns[0].share(x) > _LATE else "left"
        values.append(value)
    of_each = " and ".join(f"{metric} ({_better(objectives[metric])})" for metric in metrics)
    missing = left_out(len(dots) - len(values), "without a number of each objective of a done run")
    remark = f"{len(found.front)} of {len(values)} are beaten by no other. {missing}".rstrip()
    title = f"Pareto front: {of_each}"
    spec = {**framed(title, values, remark), "layer": _layers(columns, objectives)}
    return Chart(title, spec)


def _better(direction: str) -> str:
    return "low" if direction == MIN else "high"


def _layers(columns: Sequence[Column], objectives: Mapping[str, str]) -> list[Spec]:
    axes, tooltip = [], [NAME]
    for at, column in enumerate(columns):
        title = f"{column.key} ({_better(objectives[column.key])} is better)"
        axes.append({"field": f"v{at}", "type": "quantitative", "title": title, "scale": column.scale()})
        tooltip.append(hover(f"told {at}", column.key))
    x, y = axes[:2]
    is_front = {"filter": {"field": "front", "equal": True}}
    others = {"filter": {"field": "front", "equal": False}}
    if len(columns) == 3:
        scale = {**SCHEME, "type": "log" if columns[2].logarithmic else "linear"}
        colour: Spec = {"field": "v2", "type": "quantitative", "title": axes[2]["title"], "scale": scale}
    else:
        colour = {"value": _FRONT}
    layers: list[Spec] = []
    if len(columns) == 2:
        # What lies behind the steps is beaten: they go over the worse corner between two neighbours.
        steps = "step-after" if _rises(objectives) else "step-before"
        line = {"type": "line", "interpolate": steps, "color": _FRONT, "opacity": 0.6}
        layers.append({"transform": [is_front], "mark": line, "encoding": {"x": x, "y": y}})
    point = {"type": "point", "filled": True}
    layers += [
        {
            "transform": [others],
            "mark": {**point, "size": 45, "opacity": 0.7},
            "encoding": {
                "x": x,
                "y": y,
                "tooltip": tooltip,
                "color": colour if len(columns) == 3 else {"value": FAINT},
            },
        },
        {
            "transform": [is_front],
            "mark": {**point, "size": 110, "opacity": 1, "stroke": _FRONT, "strokeWidth": 2},
            "encoding": {"x": x, "y": y, "tooltip": tooltip, "color": colour},
        },
    ]
    return layers + names_beside(x, y)


def _rises(objectives: Mapping[str, str]) -> bool:
    """Whether, from left to right, the level of the front holds until the next dot.

    With a low x for good, what a dot reaches holds to its right; with a high one, to its left.
    """
    return next(iter(objectives.values())) == MIN
