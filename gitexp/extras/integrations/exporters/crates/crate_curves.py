"""Curves as CSV, a row for each step: `step`, `time`, and a column for each metric."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from gitexp.files.lines.series_columns import Series
from gitexp.times import stamp_of
from gitexp.views.markup import csv_table

_TOGETHER = 1000  # rows


def as_csv(series: Mapping[str, Series]) -> Iterator[bytes]:
    """Yield the lines of the file, many together. A step without a value of a metric has an empty cell."""
    names = list(series)
    steps = sorted(set[int]().union(*(one.steps for one in series.values())))
    places = dict.fromkeys(names, 0)
    rows: list[Sequence[object]] = [["step", "time", *names]]
    for step in steps:
        time, values = math.nan, list[float | None]()
        for name in names:
            one, at = series[name], places[name]
            if at == len(one) or one.steps[at] != step:
                values.append(None)
                continue
            places[name] = at + 1
            values.append(one.values[at])
            if not time >= one.times[at]:
                time = one.times[at]
        rows.append([step, _stamp(time), *values])
        if len(rows) == _TOGETHER:
            yield _lines(rows)
            rows = []
    yield _lines(rows)


def _stamp(time: float) -> str:
    return "" if math.isnan(time) else stamp_of(time)


def _lines(rows: Sequence[Sequence[object]]) -> bytes:
    return csv_table(rows).encode("utf-8", "backslashreplace")
