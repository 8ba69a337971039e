"""Curves for a chart: on an axis, smoothed, thinned out, as the mean of replicates. No input or output."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from enum import StrEnum

from gitexp import averages
from gitexp.named_tuple import NamedTuple

MOST_POINTS = 1000  # of a drawn curve: about a point a pixel


class XAxis(StrEnum):
    """The horizontal axis: logged steps, seconds since the first point, or the time of day."""

    STEP = "step"
    TIME = "time"
    CLOCK = "clock"


class DrawnCurve(NamedTuple):
    """One line of a chart.

    Attributes:
        label: the name of the experiment, or of the group of replicates.
        x, y: the points, in the order of x.
        low, high: the edges of the band around the line, one standard deviation; () for a single run.
        pale: y before smoothing; () without smoothing.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    pale: Sequence[float] = ()


def on_axis(steps: Sequence[int], times: Sequence[float], axis: XAxis) -> list[float]:
    """The places of points on an axis, from their steps and their times in seconds since 1970."""
    if axis is XAxis.STEP:
        return [float(step) for step in steps]
    if axis is XAxis.CLOCK:
        return [time * 1000 for time in times]  # Vega counts milliseconds
    first = min((time for time in times if not math.isnan(time)), default=0.0)
    return [time - first for time in times]


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """The exponential moving average of values, corrected for its start.

    `weight` is the share of the past in the average, from 0 to below 1. NaN and infinity stay unchanged and
    do not enter the average. Adam has the same correction (Kingma and Ba 2015, section 3).
    """
    found = []
    average, total = 0.0, 0.0
    for value in values:
        if not math.isfinite(value):
            found.append(value)
            continue
        average = weight * average + (1 - weight) * value
        total = weight * total + (1 - weight)
        found.append(average / total)
    return found


def drawable(curve: DrawnCurve) -> DrawnCurve:
    """The curve without NaN and infinity."""
    kept = []
    for at, (x, y) in enumerate(zip(curve.x, curve.y, strict=True)):
        if math.isfinite(x) and math.isfinite(y):
            kept.append(at)
    return _at(curve, kept)


def thinned(curve: DrawnCurve, most: int = MOST_POINTS) -> DrawnCurve:
    """The curve with at most `most` points, chosen by `kept_places`."""
    return _at(curve, kept_places(curve.y, most))


def kept_places(values: Sequence[float], most: int = MOST_POINTS) -> Sequence[int]:
    """The places of at most `most` points of a curve.

    A stretch keeps its first, lowest, highest and last point, and its first NaN or infinity.
    """
    size = len(values)
    if size <= most:
        return range(size)
    are_finite = math.isfinite(sum(values))  # a sum that is not finite only costs time
    stretches = max(most // (4 if are_finite else 5), 1)
    kept: list[int] = []
    for number in range(stretches):
        start, end = number * size // stretches, (number + 1) * size // stretches
        if start == end:
            continue
        stretch = values[start:end]
        places = {start, end - 1}
        if are_finite or math.isfinite(sum(stretch)):
            places.add(start + stretch.index(min(stretch)))
            places.add(start + stretch.index(max(stretch)))
        else:
            places.update(start + place for place in _of_not_finite(stretch))
        kept += sorted(places)
    return kept


def _of_not_finite(stretch: Sequence[float]) -> set[int]:
    """The places of the lowest and highest finite value, and of the first NaN or infinity."""
    finite = [at for at, value in enumerate(stretch) if math.isfinite(value)]
    places = set[int]()
    if finite:
        places.add(min(finite, key=stretch.__getitem__))
        places.add(max(finite, key=stretch.__getitem__))
    others = (at for at, value in enumerate(stretch) if not math.isfinite(value))
    places.update(itertools.islice(others, 1))
    return places


def _at(curve: DrawnCurve, places: Sequence[int]) -> DrawnCurve:
    """The points of a curve at some places."""
    if len(places) == len(curve.x):
        return curve
    parts = []
    for values in curve[1:]:
        assert not isinstance(values, str)  # the label stands first
        if values:
            values = [values[at] for at in places]
        parts.append(values)
    return DrawnCurve(curve.label, *parts)


def mean_of(label: str, curves: Sequence[DrawnCurve]) -> DrawnCurve:
    """The mean of the curves of replicates with a band of one standard deviation (n - 1).

    A place counts the curves with a point there. For a single curve the band has no width.
    """
    by_place: dict[float, list[float]] = {}
    for curve in curves:
        for x, y in zip(curve.x, curve.y, strict=True):
            by_place.setdefault(x, []).append(y)
    places = sorted(by_place)
    means, low, high = [], [], []
    for x in places:
        values = by_place[x]
        mean, deviation = averages.mean(values), 0.0
        if len(values) > 1:
            deviation = averages.deviation(values)
        means.append(mean)
        low.append(mean - deviation)
        high.append(mean + deviation)
    return DrawnCurve(label, places, means, low, high)
