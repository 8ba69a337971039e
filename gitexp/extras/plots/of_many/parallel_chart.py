"""Parallel coordinates: experiments as lines over several columns. No input or output.

The specification is one of Vega itself, which has what Vega-Lite lacks: on a page, axes are moved by their
names, and lines are marked along several axes at once. Its expressions hold numbers of axes alone, and no
text of the repository.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.extras.plots.charts import HEIGHT, WIDTH, Chart, Spec, hover_name, titled
from gitexp.extras.plots.of_many.plotted_experiments import AxisColumn, Experiments, column_of, told
from gitexp.extras.plots.palette import COLOURS, FAINT, SHADES

VEGA = "https://vega.github.io/schema/vega/v6.json"  # a name: nothing is fetched from there

MOST_AXES = 16
_MOST_TEXTS = 12
_MOST_NUMBERS = 6  # that are written out; of more there are five places
_GAP = 120  # pixels between two axes, at least
_MISSING = -0.1  # the place of what has no value: below the axis
_HINT = "Drag along an axis to mark lines, click on it to unmark; drag a name to move its axis."
_DRAG = "window:pointerup] > window:pointermove!"


def parallel_chart(experiments: Experiments, keys: Sequence[str], metric: str) -> Chart:
    """Parallel coordinates: a line for each experiment, an axis for each column, coloured by a metric.

    An axis of numbers goes from the lowest to the highest number; an axis of texts is sorted. Missing values
    are below the axis.
    """
    columns = [column_of(experiments, key) for key in keys[-MOST_AXES:]]
    shade = column_of(experiments, metric)
    runs: list[Spec] = []
    for experiment in experiments:
        places = []
        tip = {"experiment": experiment.label}
        for column in columns:
            value = column.value(experiment)
            place = _MISSING
            if value is not None:
                place = column.share(value)
            places.append(place)
            tip[hover_name(column.key)] = told(experiment, column.key)
        runs.append({"label": experiment.label, "p": places, "shade": shade.value(experiment), "tip": tip})
    title = f"{metric} by {', '.join(column.key for column in columns if column.key != metric)}"
    remark = ""
    if len(keys) > len(columns):
        remark = f"the last {len(columns)} of {len(keys)} columns"
    gap = max(_GAP, WIDTH // max(len(columns) - 1, 1))
    spec: Spec = {
        "$schema": VEGA,
        "description": title,
        "title": titled(title, remark) | {"offset": 14},
        "width": gap * max(len(columns) - 1, 1),
        "height": HEIGHT,
        "padding": 5,
        "autosize": "pad",
        "signals": _signals(len(columns), gap),
        "data": [{"name": "runs", "values": runs, "transform": [_kept(len(columns))]}],
        "scales": [_shades(shade)],
        "legends": [{"stroke" if shade.texts else "fill": "shade", "title": metric, "offset": 64}],
        "marks": [_lines(len(columns))],
    }
    for at, column in enumerate(columns):
        spec["data"].append({"name": f"ticks{at}", "values": _ticks(experiments, column)})
        spec["marks"] += _axis(at, column)
    return Chart(title, spec, hint=_HINT)


def _signals(count: int, gap: int) -> list[Spec]:
    """The order of the axes, and the selected range of each axis.

    `atN`: the place of an axis, counted in axes; a dragged axis follows the pointer. `rankN`: the number of
    an axis in the order. `oK`: the axis at place K. `brushN`: the selected range, two places.
    """
    signals: list[Spec] = [{"name": "gap", "value": gap}]
    for at in range(count):
        onto = f"clamp(x() / gap, -0.4, {count - 0.6}) + 0.001"  # never level with another axis
        moved = {"events": f"[@title{at}:pointerdown, {_DRAG}", "update": onto}
        dropped = {"events": "window:pointerup", "update": f"rank{at}"}
        signals.append({"name": f"at{at}", "value": at, "on": [moved, dropped]})
        held = {"events": f"@title{at}:pointerdown", "update": "true"}
        let_go = {"events": "window:pointerup", "update": "false"}
        signals.append({"name": f"drag{at}", "value": False, "on": [held, let_go]})
    for at in range(count):
        before = [f"(at{other} < at{at} ? 1 : 0)" for other in range(count) if other != at]
        signals.append({"name": f"rank{at}", "update": " + ".join(before) or "0"})
        signals.append({"name": f"x{at}", "update": f"gap * (drag{at} ? at{at} : rank{at})"})
        place = f"clamp(1 - y() / height, {_MISSING - 0.02}, 1.02)"
        begun = {"events": f"@hit{at}:pointerdown", "update": place}
        signals.append({"name": f"from{at}", "value": 0, "on": [begun]})
        cleared = {"events": f"@hit{at}:pointerdown", "update": "null"}
        reach = f"[min(from{at}, {place}), max(from{at}, {place})]"
        drawn = {"events": f"[@hit{at}:pointerdown, {_DRAG}", "update": reach}
        signals.append({"name": f"brush{at}", "value": None, "on": [cleared, drawn]})
    xs = ", ".join(f"x{at}" for at in range(count))
    signals.append({"name": "xs", "update": f"[{xs}]"})
    for at in range(count):
        found = str(count - 1)
        for other in range(count - 1):
            found = f"rank{other} == {at} ? {other} : ({found})"
        signals.append({"name": f"o{at}", "update": found})
    return signals


def _kept(count: int) -> Spec:
    """The formula for lines inside all selected ranges."""
    tests = []
    for at in range(count):
        inside = f"datum.p[{at}] >= brush{at}[0] && datum.p[{at}] <= brush{at}[1]"
        tests.append(f"(brush{at} == null || ({inside}))")
    return {"type": "formula", "as": "kept", "expr": " && ".join(tests)}


def _lines(count: int) -> Spec:
    """The marks of the runs: lines through the axes in order."""
    steps = []
    for place in range(count):
        steps.append(f"'{'L' if place else 'M'}' + xs[o{place}] + ',' + height * (1 - datum.p[o{place}])")
    if count == 1:
        steps.append("'L' + (xs[o0] + gap) + ',' + height * (1 - datum.p[o0])")
    stroke = [
        {"test": "!datum.kept || !isValid(datum.shade)", "value": FAINT},
        {"scale": "shade", "field": "shade"},
    ]
    return {
        "type": "path",
        "from": {"data": "runs"},
        "sort": {"field": "datum.kept"},
        "encode": {
            "update": {
                "path": {"signal": " + ".join(steps)},
                "stroke": stroke,
                "strokeWidth": {"value": 1.5},
                "strokeOpacity": {"signal": "datum.kept ? 0.75 : 0.12"},
                "tooltip": {"signal": "datum.tip"},
            },
            "hover": {"strokeWidth": {"value": 3}, "strokeOpacity": {"value": 1}},
        },
    }


def _axis(at: int, column: AxisColumn) -> list[Spec]:
    """The marks of an axis: rule, ticks, name, selected range, and the area for the pointer."""
    x: Spec = {"signal": f"x{at}"}
    rule = {"x": x, "y": {"value": 0}, "y2": {"signal": "height"}, "stroke": {"value": FAINT}}
    tick = {"x": x, "dx": {"value": 6}, "y": {"signal": "height * (1 - datum.place)"}}
    tick |= {"text": {"field": "text"}, "baseline": {"value": "middle"}, "fontSize": {"value": 10}}
    name = {"x": x, "y": {"value": -10}, "text": {"value": column.key}, "align": {"value": "center"}}
    name |= {"fontSize": {"value": 11}, "limit": {"signal": "gap - 8"}, "cursor": {"value": "ew-resize"}}
    brush = {
        "x": {"signal": f"x{at} - 6"},
        "width": {"value": 12},
        "y": {"signal": f"brush{at} ? height * (1 - brush{at}[1]) : 0"},
        "height": {"signal": f"brush{at} ? height * (brush{at}[1] - brush{at}[0]) : 0"},
        "fill": {"value": COLOURS[0]},
        "fillOpacity": {"value": 0.3},
    }
    hit = {
        "x": {"signal": f"x{at} - 10"},
        "width": {"value": 20},
        "y": {"value": -8},
        "height": {"signal": f"height * {1.04 - _MISSING} + 8"},
        "fill": {"value": "transparent"},
        "cursor": {"value": "crosshair"},
    }
    labels: Spec = {"type": "text", "from": {"data": f"ticks{at}"}, "interactive": False}
    labels["encode"] = {"update": tick}
    return [
        {"type": "rule", "interactive": False, "encode": {"update": rule}},
        {**labels, "style": "halo"},
        labels,
        {"type": "rect", "interactive": False, "encode": {"update": brush}},
        {"type": "rect", "name": f"hit{at}", "encode": {"update": hit}},
        {"type": "text", "name": f"title{at}", "encode": {"update": name}},
    ]


def _shades(shade: AxisColumn) -> Spec:
    if not shade.numbers:
        return {"name": "shade", "type": "ordinal", "domain": [*shade.texts], "range": [*COLOURS]}
    kind = "linear"
    if shade.logarithmic:
        kind = "log"
    return {"name": "shade", "type": kind, "domain": [shade.low, shade.high], "range": SHADES}


def _ticks(experiments: Experiments, column: AxisColumn) -> list[Spec]:
    """The places of an axis with a label, and the labels."""
    found: list[Spec] = []
    if column.numbers and column.low == column.high:
        found.append({"place": 0.5, "text": f"{column.low:.4g}"})
    elif column.numbers:
        present = {column.value(experiment) for experiment in experiments}
        numbers = sorted(value for value in present if isinstance(value, float))
        if len(numbers) > _MOST_NUMBERS:
            numbers = [column.at(place) for place in (0, 0.25, 0.5, 0.75, 1)]
        for number in numbers:
            found.append({"place": column.share(number), "text": f"{number:.3g}"})
    else:
        every = -(-len(column.texts) // _MOST_TEXTS)
        for text in column.texts[:: max(every, 1)]:
            found.append({"place": column.share(text), "text": text})
    if any(column.value(experiment) is None for experiment in experiments):
        found.append({"place": _MISSING, "text": "no value"})
    return found
