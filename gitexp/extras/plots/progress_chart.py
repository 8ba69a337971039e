"""The best so far: which experiment raised it, and when. No input or output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gitexp.extras.plots.charts import Chart, Spec, framed, hover
from gitexp.extras.plots.curves import XAxis
from gitexp.extras.plots.dots import Dot, left_out, told
from gitexp.extras.plots.palette import COLOURS, FAINT
from gitexp.extras.plots.scatter_charts import NAME, STATE, names_beside
from gitexp.project.directions import MIN

_BETTER = COLOURS[2]
_MOST_NAMES = 12  # beside the steps; a page says the others where the pointer stands
_NEAR = 0.04  # of the width: two names closer than this would overlap
# The longest time in a unit, in seconds, and the seconds of the unit.
_UNITS = ((300.0, 1.0, "seconds"), (3 * 3600.0, 60.0, "minutes"), (4 * 86400.0, 3600.0, "hours"))
_DAYS = (86400.0, "days")


class Try(NamedTuple):
    """An experiment on the way to the best.

    Attributes:
        x: its place: its number, the time since the first (see `unit_of`), or milliseconds since 1970.
        value: the number of the metric; None without one that counts.
        best: the best number so far; None before the first.
        better: whether the experiment raised the best.
    """

    dot: Dot
    x: float
    value: float | None
    best: float | None
    better: bool


def unit_of(dots: Sequence[Dot]) -> tuple[float, str]:
    """The unit that fits the time from the first to the last experiment: its seconds and its name."""
    times = [dot.time for dot in dots if dot.time is not None]
    reach = max(times) - min(times) if times else 0.0
    for longest, unit, name in _UNITS:
        if reach <= longest:
            return unit, name
    return _DAYS


def progress(dots: Sequence[Dot], metric: str, direction: str, axis: XAxis = XAxis.STEP) -> list[Try]:
    """The experiments in the order of their ends, with the best so far.

    Along a time, experiments without one are left out.
    """
    if all(dot.time is not None for dot in dots) or axis is not XAxis.STEP:
        dots = sorted((dot for dot in dots if dot.time is not None), key=lambda dot: dot.time or 0.0)
    found = list[Try]()
    best: float | None = None
    start = (dots[0].time if dots else None) or 0.0
    unit, _ = unit_of(dots)
    for number, dot in enumerate(dots, start=1):
        x = float(number)
        if dot.time is not None and axis is not XAxis.STEP:
            x = dot.time * 1000 if axis is XAxis.CLOCK else (dot.time - start) / unit
        value = dot.result(metric)
        better = value is not None and (best is None or (value < best if direction == MIN else value > best))
        best = value if better else best
        found.append(Try(dot, x, value, best, better))
    return found


def progress_chart(
    dots: Sequence[Dot],
    metric: str,
    *,
    direction: str,
    axis: XAxis = XAxis.STEP,
    logarithmic: Sequence[str] | None = None,
) -> Chart:
    """The best value so far, and which experiment raised it; experiments without a number stand below."""
    tries = progress(dots, metric, direction, axis)
    is_log = "y" in (logarithmic or ())
    named = _named(tries)
    values: list[Spec] = []
    for at, one in enumerate(tries):
        value = one.value
        if is_log and value is not None and value <= 0:
            value = None
        point: Spec = {"label": one.dot.label, "state": one.dot.state, "number": at + 1, "x": one.x}
        point |= {"y": value, "best": one.best, "better": one.better, "told": told(one.dot, metric)}
        if value is not None and (deviation := one.dot.deviation(metric)) and not is_log:
            point |= {"low": value - deviation, "high": value + deviation}
        if at in named:
            point["side"] = named[at]
        values.append(point)
    x = _x(axis, unit_of(dots)[1])
    scale: Spec = {"type": "log"} if is_log else {"zero": False}
    y = {"field": "y", "type": "quantitative", "title": metric, "scale": scale}
    words = "low" if direction == MIN else "high"
    missing = sum(one.value is None for one in tries)
    remark = f"{words} is better"
    if missing:
        remark += f"; {missing} without a number of a done run, at the bottom"
    if gone := left_out(len(dots) - len(tries), "without a time"):
        remark += f". {gone}"
    title = f"best {metric} so far"
    return Chart(title, {**framed(title, values, remark), "layer": _layers(x, y, metric)})


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
    """The steps with a name beside them, by place, and the side: the newest ones, none close to another."""
    if not tries:
        return {}
    first, width = tries[0].x, (tries[-1].x - tries[0].x) or 1.0
    found: dict[int, str] = {}
    before: float | None = None
    for at in range(len(tries) - 1, -1, -1):
        one = tries[at]
        if one.better and (before is None or before - one.x > width * _NEAR) and len(found) < _MOST_NAMES:
            found[at] = "left" if one.x - first < width / 2 else "right"
            before = one.x
    return found
