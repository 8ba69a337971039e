"""Templates of a user's own, in Vega-Lite with DVC's anchors, filled with the points. No input or output.

An anchor is a text such as `<DVC_METRIC_DATA>`, which the value replaces. `<DVC_METRIC_X>` and the like may
be a part of a text; the others are all of it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp.extras.plots import safe_specs
from gitexp.extras.plots.charts import HEIGHT, WIDTH, Chart, Spec
from gitexp.extras.plots.of_files.file_points import NoPoints, PlotPoint, PlotPoints
from gitexp.extras.plots.palette import colours

_SEVERAL_X, _SEVERAL_Y = "dvc_inferred_x_value", "dvc_inferred_y_value"  # as DVC calls them
_DASHES = ([1, 0], [8, 8], [8, 4], [4, 4], [4, 2], [2, 1], [1, 1])
_SHAPES = ("circle", "square", "triangle", "diamond")
_ESCAPED = str.maketrans({".": "\\.", "[": "\\[", "]": "\\]"})


def template_chart(template: Spec, title: str, plots: Sequence[PlotPoints], name: str) -> Chart:
    """The chart of the template `name`, with the points of each experiment.

    Raises NoPoints for a template with anything to load or generate, and without a place for the data.
    """
    why = safe_specs.fault(template)
    if why:
        raise NoPoints(f"its template {name} {why}")
    anchors = _anchors(title, plots)
    spec = _filled(template, anchors)
    if not _has(template, "<DVC_METRIC_DATA>"):
        raise NoPoints(f"its template {name} has no <DVC_METRIC_DATA>")
    assert isinstance(spec, dict)
    return Chart(title, spec, is_foreign=True)


def _anchors(title: str, plots: Sequence[PlotPoints]) -> dict[str, Any]:
    """The value of each anchor."""
    first = plots[0]
    x, y = first.x_key or _SEVERAL_X, first.y_key or _SEVERAL_Y
    varied = _varied(first)
    source = "::".join(varied)
    groups = ["rev"]
    if source:
        groups.append(source)
    rows: list[Spec] = []
    unique_labels: dict[str, None] = {}
    for plot in plots:
        for point in plot.points:
            rows.append(_row(point, x, y, varied))
            unique_labels[point.label] = None
    labels = list(unique_labels)
    found: dict[str, Any] = {
        "data": rows,
        "title": title,
        "x": x.translate(_ESCAPED),
        "y": y.translate(_ESCAPED),
        "x_label": first.x_title,
        "y_label": first.y_title,
        "color": {"field": "rev", "scale": {"domain": labels, "range": colours(labels)}},
        "group_by": groups,
        "group_by_x": [*groups, x],
        "group_by_y": [*groups, y],
        "pivot_field": " + '::' + ".join(f"datum['{key}']" for key in ["rev", *varied]),
        "plot_width": WIDTH,
        "plot_height": HEIGHT,
        "tooltip": [{"field": field.translate(_ESCAPED)} for field in ("rev", x, y, source) if field],
        "zoom_and_pan": {"name": "grid", "select": "interval", "bind": "scales"},
        **_of_sources(plots, varied),
    }
    return {f"<DVC_METRIC_{key.upper()}>": value for key, value in found.items()}


def _of_sources(plots: Sequence[PlotPoints], varied: Sequence[str]) -> dict[str, Spec]:
    """The anchors for the columns of y; each is {} for a single column."""
    if not varied:
        return {"row": {}, "column": {}, "stroke_dash": {}, "shape": {}}
    names: dict[str, None] = {}
    for plot in plots:
        for point in plot.points:
            names[_source(point, varied)] = None
    field = "::".join(varied)
    found: dict[str, Spec] = {}
    for key in ("row", "column"):
        found[key] = {"field": field, "sort": []}
    for key, of in (("stroke_dash", _DASHES), ("shape", _SHAPES)):
        chosen = [*itertools.islice(itertools.cycle(of), len(names))]
        found[key] = {"field": field, "scale": {"domain": [*names], "range": chosen}}
    return found


def _varied(plot: PlotPoints) -> list[str]:
    """The differences between the columns of y: file, title, or both."""
    varied = []
    if len({source.file for source in plot.sources}) > 1:
        varied.append("filename")
    if len({source.name for source in plot.sources}) > 1:
        varied.append("field")
    return varied


def _source(point: PlotPoint, varied: Sequence[str]) -> str:
    parts = {"filename": point.file, "field": point.column}
    return "::".join(parts[key] for key in varied)


def _row(point: PlotPoint, x: str, y: str, varied: Sequence[str]) -> Spec:
    row = {str(key): _plain(value) for key, value in point.row.items()}
    row |= {x: _plain(point.x), y: _plain(point.y), "rev": point.label}
    if varied:
        row["::".join(varied)] = _source(point, varied)
    return row


def _plain(value: Any) -> Any:
    """The value of a cell for JSON: None for NaN and infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _filled(part: Any, anchors: Mapping[str, Any]) -> Any:
    """A part of a template with the values of its anchors."""
    if isinstance(part, dict):
        return {key: _filled(value, anchors) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, anchors) for value in part]
    if not isinstance(part, str) or "<DVC_METRIC_" not in part:
        return part
    if part in anchors:
        return anchors[part]
    for anchor, value in anchors.items():
        if isinstance(value, str):
            part = part.replace(anchor, value)
    return part


def _has(part: Any, anchor: str) -> bool:
    if isinstance(part, dict):
        return any(_has(value, anchor) for value in part.values())
    if isinstance(part, list):
        return any(_has(value, anchor) for value in part)
    return bool(part == anchor)
