"""The curves of a run in MLflow's database."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

from gitexp.extras.integrations.importers import sqlite_file
from gitexp.extras.integrations.mlflow.imports.stored_runs import StoredCurves
from gitexp.extras.integrations.mlflow.run_log_files import LastValue
from gitexp.files.lines.series import LoggedPoint

_INFINITE = "1.7976931348623157e308"  # MLflow's number for infinity: some databases have none
_NUMBER = f"CASE WHEN is_nan THEN NULL WHEN abs(value) >= {_INFINITE} THEN value * 10 ELSE value * 1.0 END"
_TYPES = (  # MLflow's; SQLite itself takes any
    "typeof(key) = 'text' AND typeof(timestamp) = 'integer' AND typeof(step) = 'integer' "
    "AND typeof(value) IN ('real', 'integer')"
)
_ROWS = f"SELECT key, {_NUMBER}, timestamp, step FROM %s WHERE run_uuid = ? AND {_TYPES}"
_LAST = "latest_metrics"  # the table


class DatabaseCurves(StoredCurves):
    """The curves in the table `metrics`."""

    def __init__(self, file: Path, run: str) -> None:
        super().__init__()
        self._file = file
        self._run = run

    def extent(self) -> str:
        """A hash of the last values. Raises ParseError."""
        with sqlite_file.opened(self._file) as base:
            rows = base.execute(f"{_ROWS % _LAST} ORDER BY key", (self._run,)).fetchall()
        return hashlib.sha256(repr(rows).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def points(self) -> Iterator[LoggedPoint]:
        """Yield the points in the order of time. Raises ParseError."""
        with sqlite_file.opened(self._file) as base:
            for name, value, time, step in base.execute(_ROWS % _LAST, (self._run,)):
                self.last[name] = LastValue(step, time, math.nan if value is None else value)
            base.text_factory = bytes  # a name is decoded once
            names: dict[bytes, str] = {}
            now, values = (0, 0), dict[str, float]()
            rows = base.execute(f"{_ROWS % 'metrics'} ORDER BY timestamp, step", (self._run,))
            for key, value, time, step in rows:
                if (time, step) != now:
                    if values:
                        yield LoggedPoint(now[1], now[0] / 1000, values)
                    now, values = (time, step), {}
                name = names.get(key) or names.setdefault(key, key.decode("utf-8", "replace"))
                number = math.nan if value is None else value
                if name not in values or not number < values[name]:  # the higher of a moment, or NaN
                    values[name] = number
            if values:
                yield LoggedPoint(now[1], now[0] / 1000, values)
