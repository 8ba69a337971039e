"""The rows of the Parquet files of Neptune's exporter, read with polars a part at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import polars

from gitexp.named_tuple import NamedTuple

_COLUMNS = ("project_id", "run_id", "attribute_path", "attribute_type", "step", "timestamp")
_VALUES = ("int_value", "float_value", "string_value", "bool_value", "datetime_value", "string_set_value")
_OF_SERIES = "_series"  # the end of the types of series


class Attribute(NamedTuple):
    """An attribute of a run, no series: its path, its type, and its value."""

    path: str
    kind: str
    value: Any


class SeriesRow(NamedTuple):
    """A value of a series: the step, perhaps with a fraction, and the time in seconds."""

    path: str
    step: float
    time: float
    value: float


class NeptuneRows:
    """The rows of a run in the files of an export; a damaged file raises an error of `ERRORS`.

    Attributes:
        ERRORS: the errors of polars.
    """

    ERRORS: ClassVar = (polars.exceptions.PolarsError, OSError)

    def __init__(self, files: Sequence[Path], project: str, run: str) -> None:
        table = polars.scan_parquet(list(files))
        self._rows = table.filter((polars.col("project_id") == project) & (polars.col("run_id") == run))

    @staticmethod
    def runs_in(files: Sequence[Path]) -> dict[tuple[str, str], list[Path]]:
        """The files of each run, by project and id."""
        found: dict[tuple[str, str], list[Path]] = {}
        for file in files:
            ids = polars.scan_parquet(file).select("project_id", "run_id").unique().collect()
            for project, run in sorted(ids.iter_rows()):
                found.setdefault((str(project), str(run)), []).append(file)
        return found

    @staticmethod
    def is_export(file: Path) -> bool:
        """Whether a file has the columns of Neptune's exporter."""
        try:
            names = polars.scan_parquet(file).collect_schema().names()
        except NeptuneRows.ERRORS:
            return False
        return set(_COLUMNS) <= set(names)

    def attributes(self) -> Iterator[Attribute]:
        """Yield the attributes without series, in the order of their paths."""
        table = self._rows.filter(~polars.col("attribute_type").str.ends_with(_OF_SERIES))
        table = table.with_columns(polars.col("file_value").struct.field("path").alias("file_path"))
        chosen = table.select("attribute_path", "attribute_type", *_VALUES, "file_path").sort(
            "attribute_path"
        )
        for path, kind, *values in chosen.collect().iter_rows():
            yield Attribute(path, kind, next((value for value in values if value is not None), None))

    def series(self) -> Iterator[SeriesRow]:
        """Yield the values of series of numbers, in the order of their steps."""
        table = self._rows.filter(polars.col("attribute_type") == f"float{_OF_SERIES}")
        step = polars.col("step").cast(polars.Float64)
        chosen = table.select("attribute_path", step, "timestamp", "float_value")
        for path, at, time, value in chosen.sort("step", "attribute_path").collect().iter_rows():
            if value is not None and at is not None:
                yield SeriesRow(path, at, time.timestamp() if isinstance(time, datetime) else 0.0, value)

    def series_kinds(self) -> dict[str, str]:
        """The type of each series, by its path."""
        table = self._rows.filter(polars.col("attribute_type").str.ends_with(_OF_SERIES))
        kinds = table.select("attribute_path", "attribute_type").unique().sort("attribute_path")
        return dict(kinds.collect().iter_rows())

    def texts(self, path: str) -> list[str]:
        """The texts of a series of texts."""
        table = self._rows.filter(polars.col("attribute_path") == path).sort("step")
        return [text or "" for (text,) in table.select("string_value").collect().iter_rows()]
