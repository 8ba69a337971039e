"""Data frames of polars."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from gitexp.views.typed_columns import ANY, MOMENT, NUMBER, TEXT, TEXTS, TRUTH, WHOLE, TypedColumn

_TYPES = {
    WHOLE: pl.Int64(),
    TRUTH: pl.Boolean(),
    NUMBER: pl.Float64(),
    TEXT: pl.String(),
    MOMENT: pl.Datetime("ms", "UTC"),
    TEXTS: pl.Object(),
    ANY: pl.Object(),
}


def frame(columns: Sequence[TypedColumn]) -> pl.DataFrame:
    """The data frame with these columns."""
    return pl.DataFrame([_series(column) for column in columns])


def _series(column: TypedColumn) -> pl.Series:
    values = column.values
    if column.kind == MOMENT:
        values = [_milliseconds(value) for value in values]
    elif column.kind == NUMBER:
        values = list(map(_float, values))
    if column.kind == MOMENT:
        return pl.Series(column.title, values, dtype=pl.Int64()).cast(_TYPES[MOMENT])
    return pl.Series(column.title, values, dtype=_TYPES[column.kind])


def _float(value: float | None) -> float | None:
    if value is None:
        return None
    return float(value)


def _milliseconds(seconds: float | None) -> int | None:
    if seconds is None or math.isnan(seconds):
        return None
    return round(seconds * 1000)
