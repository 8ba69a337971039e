"""Data frames of pandas."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from gitexp.extras.reading import frames
from gitexp.extras.reading.frames import FrameColumn

# The types of columns; a column of integers or booleans with a gap has the type in which pandas can say so.
_FULL = {frames.WHOLE: "int64", frames.TRUTH: "bool"}
_TYPES = {
    frames.WHOLE: "Int64",
    frames.TRUTH: "boolean",
    frames.NUMBER: "float64",
    frames.TEXT: "string",
    frames.ANY: "object",
}


def frame(columns: Sequence[FrameColumn]) -> pd.DataFrame:
    """The data frame with these columns."""
    return pd.DataFrame({column.title: _series(column) for column in columns})


def _series(column: FrameColumn) -> pd.Series:
    if column.kind == frames.MOMENT:
        seconds = pd.Series(column.values, dtype="float64")
        return pd.to_datetime(seconds.mul(1000).round(), unit="ms", utc=True).astype("datetime64[ms, UTC]")
    kind = _TYPES[column.kind]
    if None not in column.values:
        kind = _FULL.get(column.kind, kind)
    return pd.Series(list(column.values), dtype=kind)
