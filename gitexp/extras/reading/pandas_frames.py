"""Data frames of pandas."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from gitexp.views.typed_columns import ANY, MOMENT, NUMBER, TEXT, TEXTS, TRUTH, WHOLE, TypedColumn

# The types of columns; a column of integers or booleans with a gap has the type in which pandas can say so.
_FULL = {WHOLE: "int64", TRUTH: "bool"}
_TYPES = {
    WHOLE: "Int64",
    TRUTH: "boolean",
    NUMBER: "float64",
    TEXT: "string",
    TEXTS: "object",
    ANY: "object",
}


def frame(columns: Sequence[TypedColumn]) -> pd.DataFrame:
    """The data frame with these columns."""
    return pd.DataFrame({column.title: _series(column) for column in columns})


def _series(column: TypedColumn) -> pd.Series:
    if column.kind == MOMENT:
        seconds = pd.Series(column.values, dtype="float64")
        return pd.to_datetime(seconds.mul(1000).round(), unit="ms", utc=True).astype("datetime64[ms, UTC]")
    kind = _TYPES[column.kind]
    if None not in column.values:
        kind = _FULL.get(column.kind, kind)
    return pd.Series(list(column.values), dtype=kind)
