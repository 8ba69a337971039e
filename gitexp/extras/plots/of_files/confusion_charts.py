"""Confusion matrices: counts of pairs of classes, a matrix for each experiment. No input or output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp.extras.plots.charts import Chart, Spec, framed
from gitexp.extras.plots.of_files.file_points import PlotPoint, number_of

MOST_CLASSES = 100  # of a matrix
_READABLE = 30  # classes whose numbers stand in the cells
_UPRIGHT = 12  # classes; from here on their names stand upright
_SIDE = 300  # pixels of a matrix

_COUNTED = {"actual", "predicted", "count"}  # the columns of a matrix whose rows are pairs

Pair = tuple[str, str]  # the class of y, of x


def confusion_chart(
    title: str, x_title: str, y_title: str, points: Sequence[PlotPoint], *, normalized: bool
) -> Chart:
    """The matrices of points whose x and y are classes; `normalized`: shares of each row."""
    counts: dict[str, Counter[Pair]] = {}
    classes = set[str]()
    for point in points:
        pair = (str(point.y), str(point.x))
        counts.setdefault(point.label, Counter())[pair] += _count(point)
        classes.update(pair)
    return matrices_chart(title, x_title, y_title, counts, in_order(classes), normalized=normalized)


def _count(point: PlotPoint) -> int:
    """The number of times a pair was seen: 1, or the count in a row of a matrix."""
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
    """The matrices of experiments, with the first `MOST_CLASSES` classes in the given order."""
    shown = classes[:MOST_CLASSES]
    values: list[Spec] = []
    for label, of in counts.items():
        values += _cells(label, of, shown, normalized=normalized)
    measure, number_format = "count", "~g"
    scale: Spec = {"scheme": "blues", "domainMin": 0}
    if normalized:
        measure, number_format = "share", ".2f"
        scale = {"scheme": "blues", "domain": [0, 1]}
    colour: Spec = {"field": measure, "type": "quantitative", "title": measure, "scale": scale}
    axis: Spec = {"type": "nominal", "sort": [*shown]}
    angle = 0
    if len(shown) >= _UPRIGHT:
        angle = -90
    encoding: Spec = {
        "x": {"field": "x", "title": x_title, **axis, "axis": {"labelAngle": angle}},
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
        text: Spec = {"field": measure, "type": "quantitative", "format": number_format}
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
            share = 0.0
            if total:
                share = count / total
            dark = count > most / 2
            if normalized:
                dark = share > 0.5
            found.append({"label": label, "x": x, "y": y, "count": count, "share": share, "dark": dark})
    return found


def in_order(classes: set[str]) -> list[str]:
    """The classes, sorted as numbers if all are numbers, else by name."""
    numbers: dict[str, Any] = {name: number_of(name) for name in classes}
    if None in numbers.values():
        return sorted(classes)
    return sorted(classes, key=lambda name: (numbers[name], name))
