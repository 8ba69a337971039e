"""Data frames of polars."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from gitexp.extras.reading import frames
from gitexp.extras.reading.frames import FrameColumn

_TYPES = {
    frames.WHOLE: pl.Int64(),
    frames.TRUTH: pl.Boolean(),
    frames.NUMBER: pl.Float64(),
    frames.TEXT: pl.String(),
    frames.MOMENT: pl.Datetime("ms", "UTC"),
    frames.ANY: pl.Object(),
}


def frame(columns: Sequence[FrameColumn]) -> pl.DataFrame:
    """The data frame with these columns."""
    return pl.DataFrame([_series(column) for column in columns])


def _series(column: FrameColumn) -> pl.Series:
    values = column.values
    if column.kind == frames.MOMENT:
        values = [_milliseconds(value) for value in values]
    elif column.kind == frames.NUMBER:
        values = [value if value is None else float(value) for value in values]
    if column.kind == frames.MOMENT:
        return pl.Series(column.title, values, dtype=pl.Int64()).cast(_TYPES[frames.MOMENT])
    return pl.Series(column.title, values, dtype=_TYPES[column.kind])


def _milliseconds(seconds: float | None) -> int | None:
    if seconds is None or math.isnan(seconds):
        return None
    return round(seconds * 1000)
