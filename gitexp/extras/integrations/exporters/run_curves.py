"""All curves of a run under one name each, and as points in the order of their steps."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping

from gitexp.extras.integrations.exporters.stored_run import StoredRun
from gitexp.files.lines.series import LoggedPoint
from gitexp.files.lines.series_columns import Series


def curves(run: StoredRun) -> dict[str, Series]:
    """The curves of a run by name: `loss`; of a further process of distributed training `rank-1/loss`."""
    found = dict(run.series())
    for rank, series in run.rank_series().items():
        for name, one in series.items():
            found[f"{rank}/{name}"] = one
    return found


def points(series: Mapping[str, Series], otherwise: float) -> Iterator[LoggedPoint]:
    """Yield the values of curves, those of one step and time together.

    Args:
        otherwise: the time of a value without a time, in seconds since 1970.
    """
    now = LoggedPoint(0, 0.0, {})
    rows = (_rows(name, one, otherwise) for name, one in series.items())
    for step, time, name, value in heapq.merge(*rows):
        if now.values and (step != now.step or time != now.time):
            yield now
            now = LoggedPoint(step, time, {})
        elif not now.values:
            now = LoggedPoint(step, time, {})
        now.values[name] = value
    if now.values:
        yield now


def by_step(found: Iterable[LoggedPoint]) -> Iterator[LoggedPoint]:
    """Yield one point for each step, with its latest time."""
    now: LoggedPoint | None = None
    for point in found:
        if now is None or point.step != now.step:
            if now is not None:
                yield now
            now = point
        else:
            now = LoggedPoint(now.step, max(now.time, point.time), now.values | point.values)
    if now is not None:
        yield now


def last_step(series: Mapping[str, Series]) -> int:
    """The last step of all curves; 0 without any."""
    return max((one.steps[-1] for one in series.values() if one), default=0)


def without_curve(run: StoredRun, series: Mapping[str, Series]) -> dict[str, float]:
    """The numbers among the metrics that have no curve, by name.

    A metric of several files is called `metrics.json:acc`; left out if it is the end of the curve `acc`.
    """
    found = {}
    for name, value in run.numbers.items():
        curve = series.get(name.rpartition(":")[2])
        if not series.get(name) and not (curve and _same(curve[-1], value)):
            found[name] = value
    return found


def beside_curve(run: StoredRun, series: Mapping[str, Series]) -> dict[str, float]:
    """The numbers among the metrics that are not the end of their curve, such as the best value."""
    found = {}
    for name, value in run.numbers.items():
        if (curve := series.get(name)) and not _same(curve[-1], value):
            found[name] = value
    return found


def _rows(name: str, series: Series, otherwise: float) -> Iterator[tuple[int, float, str, float]]:
    for step, time, value in zip(series.steps, series.times, series.values, strict=True):
        yield step, otherwise if math.isnan(time) else time, name, value


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
