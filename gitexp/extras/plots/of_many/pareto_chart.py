"""Experiments by two or three objectives, and those that no other beats in everything. No input or output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitexp.extras.plots.charts import Chart, Spec, framed, hover
from gitexp.extras.plots.of_many.plotted_experiments import (
    AxisColumn,
    Experiments,
    PlottedExperiment,
    column_of,
    left_out,
    told,
)
from gitexp.extras.plots.of_many.scatter_charts import NAME, names_beside
from gitexp.extras.plots.palette import COLOURS, FAINT, SCHEME
from gitexp.named_tuple import NamedTuple
from gitexp.project.sections.directions import MIN
from gitexp.views.pareto import unbeaten

_FRONT = COLOURS[1]
_MOST_NAMES = 15
_LATE = 0.6  # of the width: from here on a name ends at its dot


class Front(NamedTuple):
    """A Pareto front.

    Attributes:
        experiments: the experiments with a number of each objective.
        front: the places of the unbeaten experiments in `experiments`, the best by the first objective first.
    """

    experiments: Experiments
    front: Sequence[int]


def front_of(experiments: Experiments, objectives: Mapping[str, str]) -> Front:
    """The Pareto front; `objectives` has the direction by metric."""
    counting, results = list[PlottedExperiment](), list[list[float]]()
    for experiment in experiments:
        values = [experiment.result(metric) for metric in objectives]
        numbers = [value for value in values if value is not None]
        if len(numbers) == len(objectives):
            counting.append(experiment)
            results.append(numbers)
    return Front(counting, unbeaten(results, list(objectives.values())))


def pareto_chart(
    experiments: Experiments,
    objectives: Mapping[str, str],
    logarithmic: Sequence[str] | None = None,
) -> Chart:
    """Two objectives against each other, with a line through the front; a third objective is the colour."""
    found = front_of(experiments, objectives)
    metrics = list(objectives)
    columns = []
    for metric, axis in zip(metrics, ("x", "y", "colour"), strict=False):
        is_log = None
        if logarithmic is not None:
            is_log = axis in logarithmic
        columns.append(column_of(found.experiments, metric, logarithmic=is_log))
    values: list[Spec] = []
    for at, experiment in enumerate(found.experiments):
        is_front = at in found.front
        value: Spec = {"label": experiment.label, "front": is_front}
        for place, column in enumerate(columns):
            value[f"v{place}"] = column.value(experiment)
            value[f"told {place}"] = told(experiment, column.key)
        if is_front and len(found.front) <= _MOST_NAMES:
            x = columns[0].value(experiment)
            value["side"] = "left"
            if x is not None and columns[0].share(x) > _LATE:
                value["side"] = "right"
        values.append(value)
    of_each = " and ".join(f"{metric} ({_better(objectives[metric])})" for metric in metrics)
    missing = left_out(len(experiments) - len(values), "without a number of each objective of a done run")
    remark = f"{len(found.front)} of {len(values)} are beaten by no other. {missing}".rstrip()
    title = f"Pareto front: {of_each}"
    spec = {**framed(title, values, remark), "layer": _layers(columns, objectives)}
    return Chart(title, spec)


def _better(direction: str) -> str:
    if direction == MIN:
        return "low"
    return "high"


def _layers(columns: Sequence[AxisColumn], objectives: Mapping[str, str]) -> list[Spec]:
    axes, tooltip = [], [NAME]
    for at, column in enumerate(columns):
        title = f"{column.key} ({_better(objectives[column.key])} is better)"
        axes.append({"field": f"v{at}", "type": "quantitative", "title": title, "scale": column.scale()})
        tooltip.append(hover(f"told {at}", column.key))
    x, y = axes[:2]
    is_front = {"filter": {"field": "front", "equal": True}}
    others = {"filter": {"field": "front", "equal": False}}
    layers: list[Spec] = []
    if len(columns) == 3:
        scale = {**SCHEME, "type": "linear"}
        if columns[2].logarithmic:
            scale["type"] = "log"
        colour: Spec = {"field": "v2", "type": "quantitative", "title": axes[2]["title"], "scale": scale}
        colour_of_others = colour
    else:
        colour, colour_of_others = {"value": _FRONT}, {"value": FAINT}
        # The area behind the steps is beaten: they go over the worse corner between two neighbours.
        steps = "step-before"
        if _rises(objectives):
            steps = "step-after"
        line = {"type": "line", "interpolate": steps, "color": _FRONT, "opacity": 0.6}
        layers.append({"transform": [is_front], "mark": line, "encoding": {"x": x, "y": y}})
    point = {"type": "point", "filled": True}
    layers += [
        {
            "transform": [others],
            "mark": {**point, "size": 45, "opacity": 0.7},
            "encoding": {"x": x, "y": y, "tooltip": tooltip, "color": colour_of_others},
        },
        {
            "transform": [is_front],
            "mark": {**point, "size": 110, "opacity": 1, "stroke": _FRONT, "strokeWidth": 2},
            "encoding": {"x": x, "y": y, "tooltip": tooltip, "color": colour},
        },
    ]
    return layers + names_beside(x, y)


def _rises(objectives: Mapping[str, str]) -> bool:
    """Whether the level of a dot on the front holds to the right (a low x is better), not to the left."""
    return next(iter(objectives.values())) == MIN
