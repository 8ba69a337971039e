"""How much of the differences in a metric goes with each param. No input or output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gitexp.extras.plots.charts import Chart, Spec, framed
from gitexp.extras.plots.of_many.plotted_experiments import Experiments, column_of, differing_params
from gitexp.extras.plots.palette import COLOURS
from gitexp.named_tuple import NamedTuple
from gitexp.project.sections.directions import MAX
from gitexp.views import importance
from gitexp.views.importance import LEAST, Importance
from gitexp.words import counted

_BAR = 24  # pixels
_MOST = 20  # params


class Together(Protocol):
    """The importance of all params together, from Optuna."""

    def __call__(
        self, params: Mapping[str, Sequence[float | str]], results: Sequence[float], direction: str
    ) -> dict[str, float]: ...


class ImportanceData(NamedTuple):
    """The data for the importance: params with different values, and the numbers of the metric."""

    params: Mapping[str, Sequence[float | str | None]]
    results: Sequence[float]


def importance_data(experiments: Experiments, metric: str) -> ImportanceData:
    """The differing params of the experiments with a number of a metric, and the numbers."""
    counting, results = [], []
    for experiment in experiments:
        result = experiment.result(metric)
        if result is not None:
            counting.append(experiment)
            results.append(result)
    params = {}
    for key in differing_params(counting):
        column = column_of(counting, key, logarithmic=False)
        params[key] = [column.value(experiment) for experiment in counting]
    return ImportanceData(params, results)


def importance_of(
    experiments: Experiments,
    metric: str,
    direction: str | None = None,
    together: Together | None = None,
) -> Importance:
    """The importance of the params for a metric.

    Uses `together` if the direction is known and all values of params are present; else each param alone.
    """
    params, results = importance_data(experiments, metric)
    if len(results) < LEAST:
        return Importance(
            {}, f"it needs {LEAST} experiments with a number for {metric}, there are {len(results)}"
        )
    shares, remark = dict[str, float](), "each param alone"
    whole = {}
    for key, values in params.items():
        present = [value for value in values if value is not None]
        if len(present) == len(values):
            whole[key] = present
    if together is not None and direction is not None and len(whole) == len(params) > 1:
        side = "lowest"
        if direction == MAX:
            side = "highest"
        shares, remark = together(whole, results, direction), f"what sets the {side} tenth apart, by Optuna"
    if not shares:
        shares, remark = importance.simple(params, results), "each param alone"
    if not shares:
        return Importance({}, "no param makes a difference")
    return Importance(importance.ordered(shares), f"{remark}; {counted(len(results), 'experiment')}")


def importance_chart(found: Importance, metric: str) -> Chart:
    """The shares of the params as bars, the largest first."""
    values: list[Spec] = []
    for key, share in list(found.shares.items())[:_MOST]:
        values.append({"param": key, "share": share, "text": f"{share:.0%}"})
    y = {"field": "param", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 200}}
    x = {"field": "share", "type": "quantitative", "title": "share", "axis": {"format": ".0%"}}
    tooltip = [{"field": "param", "title": "param"}, {"field": "share", "format": ".1%", "title": "share"}]
    layers = [
        {"mark": {"type": "bar", "color": COLOURS[0]}, "encoding": {"x": x, "y": y, "tooltip": tooltip}},
        {
            "mark": {"type": "text", "align": "left", "dx": 4},
            "encoding": {"x": x, "y": y, "text": {"field": "text"}},
        },
    ]
    remark = found.remark
    if (more := len(found.shares) - len(values)) > 0:
        remark += f"; {counted(more, 'smaller one')} left out"
    title = f"importance for {metric}"
    spec = {**framed(title, values, remark), "layer": layers, "height": {"step": _BAR}}
    return Chart(title, spec)
