"""Experiments as Parquet, by polars."""

from __future__ import annotations

import io

from gitexp import plugins
from gitexp.views.exported import ExportedFile, ExportedTable, in_one_type


def write(exported: ExportedTable, file: str) -> ExportedFile:
    """Parquet with typed columns: integers of 64 bits, floats, booleans, texts, and times in UTC.

    Lists and columns with values of several types become texts; `remarks` has a sentence about them.
    """
    columns, remarks = in_one_type(exported.columns, file)
    frame = plugins.load("frame", "polars")(columns)  # the one user of polars makes the frame
    data = io.BytesIO()
    frame.write_parquet(data)
    return ExportedFile(data.getvalue(), remarks)
