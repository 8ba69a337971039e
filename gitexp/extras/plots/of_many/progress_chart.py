"""The best so far: which experiment raised it, and when. No input or output."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.extras.plots.charts import Chart, Spec, framed, hover
from gitexp.extras.plots.curves import XAxis
from gitexp.extras.plots.of_many.plotted_experiments import Experiments, PlottedExperiment, left_out, told
from gitexp.extras.plots.of_many.scatter_charts import NAME, STATE, names_beside
from gitexp.extras.plots.palette import COLOURS, FAINT
from gitexp.named_tuple import NamedTuple
from gitexp.project.sections.directions import MIN

_BETTER = COLOURS[2]
_MOST_NAMES = 12  # beside the steps; a page says the others where the pointer stands
_NEAR = 0.04  # of the width: two names closer than this would overlap
# The longest time in a unit, in seconds, and the seconds of the unit.
_UNITS = ((300.0, 1.0, "seconds"), (3 * 3600.0, 60.0, "minutes"), (4 * 86400.0, 3600.0, "hours"))
_DAYS = (86400.0, "days")


class Try(NamedTuple):
    """An experiment in the history of the best value.

    Attributes:
        x: the number of the experiment, the time since the first (see `unit_of`), or milliseconds since 1970.
        value: the number of the metric; None for an experiment without a result.
        best: the best number so far; None before the first.
        better: whether the experiment improved the best number.
    """

    experiment: PlottedExperiment
    x: float
    value: float | None
    best: float | None
    better: bool


def unit_of(experiments: Experiments) -> tuple[float, str]:
    """The unit for the time from the first to the last experiment: seconds per unit, and the name."""
    times = [experiment.time for experiment in experiments if experiment.time is not None]
    reach = 0.0
    if times:
        reach = max(times) - min(times)
    for longest, unit, name in _UNITS:
        if reach <= longest:
            return unit, name
    return _DAYS


def progress(experiments: Experiments, metric: str, direction: str, axis: XAxis = XAxis.STEP) -> list[Try]:
    """The experiments in the order of their ends, with the best so far.

    An axis of times leaves out experiments without a time.
    """
    timed = [experiment for experiment in experiments if experiment.time is not None]
    if len(timed) == len(experiments) or axis is not XAxis.STEP:
        experiments = sorted(timed, key=_time)
    places = _places(experiments, axis)
    found = list[Try]()
    best: float | None = None
    for experiment, x in zip(experiments, places, strict=True):
        value = experiment.result(metric)
        better = value is not None and _is_better(value, best, direction)
        if better:
            best = value
        found.append(Try(experiment, x, value, best, better))
    return found


def _time(experiment: PlottedExperiment) -> float:
    return experiment.time or 0.0


def _places(experiments: Experiments, axis: XAxis) -> list[float]:
    """The x of each experiment; on an axis of times all of them have a time."""
    if axis is XAxis.STEP:
        return [float(number) for number in range(1, len(experiments) + 1)]
    times = [_time(experiment) for experiment in experiments]
    if axis is XAxis.CLOCK:
        return [time * 1000 for time in times]
    unit, _ = unit_of(experiments)
    return [(time - times[0]) / unit for time in times]


def _is_better(value: float, best: float | None, direction: str) -> bool:
    if best is None:
        return True
    if direction == MIN:
        return value < best
    return value > best


def progress_chart(
    experiments: Experiments,
    metric: str,
    *,
    direction: str,
    axis: XAxis = XAxis.STEP,
    logarithmic: Sequence[str] | None = None,
) -> Chart:
    """The best value so far, with the names of the improvements; experiments without a number are below."""
    tries = progress(experiments, metric, direction, axis)
    is_log = "y" in (logarithmic or ())
    values = _points(tries, metric, is_log=is_log)
    for at, side in _named(tries).items():
        values[at]["side"] = side
    x = _x(axis, unit_of(experiments)[1])
    scale: Spec = {"zero": False}
    if is_log:
        scale = {"type": "log"}
    y = {"field": "y", "type": "quantitative", "title": metric, "scale": scale}
    remark = "high is better"
    if direction == MIN:
        remark = "low is better"
    missing = sum(one.value is None for one in tries)
    if missing:
        remark += f"; {missing} without a number of a done run, at the bottom"
    if gone := left_out(len(experiments) - len(tries), "without a time"):
        remark += f". {gone}"
    title = f"best {metric} so far"
    return Chart(title, {**framed(title, values, remark), "layer": _layers(x, y, metric)})


def _points(tries: Sequence[Try], metric: str, *, is_log: bool) -> list[Spec]:
    """The data of the chart: a row for each experiment."""
    values: list[Spec] = []
    for at, one in enumerate(tries):
        value = one.value
        if is_log and value is not None and value <= 0:
            value = None
        point: Spec = {
            "label": one.experiment.label,
            "state": one.experiment.state,
            "number": at + 1,
            "x": one.x,
        }
        point |= {"y": value, "best": one.best, "better": one.better, "told": told(one.experiment, metric)}
        deviation = one.experiment.deviation(metric)
        if value is not None and deviation and not is_log:
            point |= {"low": value - deviation, "high": value + deviation}
        values.append(point)
    return values


def _layers(x: Spec, y: Spec, metric: str) -> list[Spec]:
    tooltip = [NAME, hover("told", metric), {"field": "number", "title": "number"}, STATE]
    has_value = {"filter": {"field": "y", "valid": True}}
    colour = {"condition": {"test": {"field": "better", "equal": True}, "value": _BETTER}, "value": FAINT}
    return [
        {
            "transform": [{"filter": {"field": "best", "valid": True}}],
            "mark": {"type": "line", "interpolate": "step-after", "color": _BETTER},
            "encoding": {"x": x, "y": {**y, "field": "best"}},
        },
        {
            "transform": [{"filter": {"field": "low", "valid": True}}],
            "mark": {"type": "rule", "opacity": 0.5},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour},
        },
        {
            "transform": [has_value],
            "mark": {"type": "point", "filled": True, "size": 50, "opacity": 0.85},
            "encoding": {"x": x, "y": y, "tooltip": tooltip, "color": colour},
        },
        {
            "transform": [{"filter": {"not": has_value["filter"]}}],
            "mark": {"type": "point", "shape": "cross", "size": 60, "color": FAINT, "filled": True},
            "encoding": {"x": x, "y": {"value": "height"}, "tooltip": tooltip},
        },
        *names_beside(x, y),
    ]


def _x(axis: XAxis, unit: str) -> Spec:
    if axis is XAxis.CLOCK:
        return {"field": "x", "type": "temporal", "title": "time"}
    x: Spec = {"field": "x", "type": "quantitative", "scale": {"nice": False, "padding": 10}}
    if axis is XAxis.TIME:
        return {**x, "title": f"{unit} since the first"}
    return {
        **x,
        "title": "experiments, in the order of their ends",
        "axis": {"tickMinStep": 1, "format": "d"},
    }


def _named(tries: Sequence[Try]) -> dict[int, str]:
    """The improvements with a name, by place, and the side of the name: the newest, without overlaps."""
    if not tries:
        return {}
    first, width = tries[0].x, (tries[-1].x - tries[0].x) or 1.0
    found: dict[int, str] = {}
    before: float | None = None
    for at in range(len(tries) - 1, -1, -1):
        one = tries[at]
        if one.better and (before is None or before - one.x > width * _NEAR) and len(found) < _MOST_NAMES:
            found[at] = "right"
            if one.x - first < width / 2:
                found[at] = "left"
            before = one.x
    return found
