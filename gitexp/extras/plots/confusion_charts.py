"""Confusion matrices: counts of pairs of classes, a matrix for each experiment. No input or output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp.extras.plots.charts import Chart, Spec, framed
from gitexp.extras.plots.file_points import PlotPoint, number_of

MOST_CLASSES = 100  # of a matrix
_READABLE = 30  # classes whose numbers stand in the cells
_SIDE = 300  # pixels of a matrix

_COUNTED = {"actual", "predicted", "count"}  # the columns of a matrix whose rows are pairs

Pair = tuple[str, str]  # the class of y, of x


def confusion_chart(
    title: str, x_title: str, y_title: str, points: Sequence[PlotPoint], *, normalized: bool
) -> Chart:
    """The matrices of points that are pairs of classes; `normalized`: shares of each row."""
    counts: dict[str, Counter[Pair]] = {}
    for point in points:
        counts.setdefault(point.label, Counter())[str(point.y), str(point.x)] += _count(point)
    classes = in_order({name for of in counts.values() for pair in of for name in pair})
    return matrices_chart(title, x_title, y_title, counts, classes, normalized=normalized)


def _count(point: PlotPoint) -> int:
    """How often a pair was seen: once, or as a row of a matrix says."""
    count = point.row.get("count")
    if point.row.keys() == _COUNTED and isinstance(count, int):
        return count
    return 1


def matrices_chart(
    title: str,
    x_title: str,
    y_title: str,
    counts: Mapping[str, Mapping[Pair, float]],
    classes: Sequence[str],
    *,
    normalized: bool = False,
) -> Chart:
    """The matrices of experiments, with the first `MOST_CLASSES` of these classes in this order."""
    shown = classes[:MOST_CLASSES]
    values: list[Spec] = []
    for label, of in counts.items():
        values += _cells(label, of, shown, normalized=normalized)
    measure = "share" if normalized else "count"
    colour: Spec = {"field": measure, "type": "quantitative", "title": measure}
    colour["scale"] = {"scheme": "blues", "domainMin": 0}
    if normalized:
        colour["scale"] = {"scheme": "blues", "domain": [0, 1]}
    axis: Spec = {"type": "nominal", "sort": [*shown]}
    encoding: Spec = {
        "x": {"field": "x", "title": x_title, **axis, "axis": {"labelAngle": 0 if len(shown) < 12 else -90}},
        "y": {"field": "y", "title": y_title, **axis},
    }
    tooltip = [
        {"field": "label", "title": "experiment"},
        {"field": "y", "title": y_title},
        {"field": "x", "title": x_title},
        {"field": "count", "type": "quantitative"},
        {"field": "share", "type": "quantitative", "format": ".3f"},
    ]
    layers: list[Spec] = [{"mark": {"type": "rect"}, "encoding": {"color": colour, "tooltip": tooltip}}]
    if len(shown) <= _READABLE:
        text: Spec = {"field": measure, "type": "quantitative"}
        text["format"] = ".2f" if normalized else "~g"
        is_dark = {"test": {"field": "dark", "equal": True}, "value": "white"}
        dark: Spec = {"condition": is_dark, "value": "black"}
        layers.append({"mark": {"type": "text", "fontSize": 10}, "encoding": {"text": text, "color": dark}})
    inner: Spec = {"width": _SIDE, "height": _SIDE, "encoding": encoding, "layer": layers}
    remark = ""
    if len(shown) < len(classes):
        remark = f"The first {len(shown):,} of {len(classes):,} classes."
    spec = framed(title, values, remark)
    del spec["width"], spec["height"]
    facet = {"field": "label", "type": "nominal", "title": None, "sort": [*counts]}
    return Chart(title, {**spec, "facet": facet, "columns": 3, "spec": inner})


def _cells(label: str, of: Mapping[Pair, float], classes: Sequence[str], *, normalized: bool) -> list[Spec]:
    """The cells of one matrix, the empty ones too."""
    most = max(of.values(), default=0)
    found = []
    for y in classes:
        row = [of.get((y, x), 0) for x in classes]
        total = sum(row)
        for x, count in zip(classes, row, strict=True):
            share = count / total if total else 0.0
            dark = share > 0.5 if normalized else count > most / 2
            found.append({"label": label, "x": x, "y": y, "count": count, "share": share, "dark": dark})
    return found


def in_order(classes: set[str]) -> list[str]:
    """Classes in the order of their numbers, if all are numbers, or else of their names."""
    numbers: dict[str, Any] = {name: number_of(name) for name in classes}
    if None in numbers.values():
        return sorted(classes)
    return sorted(classes, key=lambda name: (numbers[name], name))
