"""The series of an experiment, by the names of their metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitexp.catalog.rows import unknown
from gitexp.extras.reading import frames
from gitexp.files.lines.series_columns import Series
from gitexp.views.typed_columns import MOMENT, NUMBER, WHOLE, TypedColumn


class History(Mapping[str, Series]):
    """All series of an experiment: `history["loss"]`."""

    def __init__(self, series: Mapping[str, Series]) -> None:
        self._series = series

    def __getitem__(self, name: str) -> Series:
        return self._series[name]

    def require(self, name: str) -> Series:
        """The series of a metric. Raises UsageError for a name that none has, with the nearest ones."""
        if name not in self._series:
            raise unknown(name, list(self._series), "series")
        return self._series[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)

    def __repr__(self) -> str:
        return f"<History: {', '.join(self._series) or 'no series'}>"

    def dataframe(self, names: Sequence[str] | None = None, *, kind: str = "") -> Any:
        """The series as a data frame: a row a step, with `step`, `time` and a column for each metric.

        Args:
            names: the metrics, or one; all by default.
            kind: "pandas" or "polars"; whichever is installed by default.

        The time is that of the last point of a step. A step at which a metric has no value has NaN, or null.
        """
        if names is None:
            names = list(self)
        elif isinstance(names, str):
            names = [names]
        wanted = list(map(self.require, names))
        times: dict[int, float] = {}
        for one in wanted:
            for step, time in zip(one.steps, one.times, strict=True):
                if not times.get(step, -1.0) > time:
                    times[step] = time
        steps = sorted(times)
        place = {step: at for at, step in enumerate(steps)}
        columns = [TypedColumn("step", WHOLE, steps)]
        columns.append(TypedColumn("time", MOMENT, [times[step] for step in steps]))
        for one in wanted:
            values: list[float | None] = [None] * len(steps)
            for step, value in zip(one.steps, one.values, strict=True):
                values[place[step]] = value
            columns.append(TypedColumn(one.name, NUMBER, values))
        return frames.frame(columns, kind)
