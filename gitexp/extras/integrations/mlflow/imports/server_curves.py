"""The curves of a run on MLflow's server, asked for metric by metric, a page at a time."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence

from gitexp.extras.integrations.importers.servers.web_client import WebClient
from gitexp.extras.integrations.mlflow.imports.server_answers import MetricRow, rows_of
from gitexp.extras.integrations.mlflow.imports.stored_runs import StoredCurves
from gitexp.extras.integrations.mlflow.run_log_files import LastValue
from gitexp.files.lines.series import LoggedPoint

_HISTORY = "/api/2.0/mlflow/metrics/get-history"
_PAGE = 25_000  # values of a page


class ServerCurves(StoredCurves):
    """The curves of a run; `rows` are its last values."""

    def __init__(self, client: WebClient, run: str, rows: Sequence[MetricRow]) -> None:
        super().__init__()
        self._client = client
        self._run = run
        self._rows = sorted(rows, key=lambda row: row.name)
        for name, value, time, step in rows:
            self.last[name] = LastValue(step, time, math.nan if value is None else value)

    def extent(self) -> str:
        """A hash of the last values: that of MLflow's database, if the server has it from there."""
        text = repr([tuple(row) for row in self._rows])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def points(self) -> Iterator[LoggedPoint]:
        """Yield the points in the order of time. Raises SharingError."""
        moments: dict[tuple[int, int], dict[str, float]] = {}
        for name in dict.fromkeys(row.name for row in self._rows):
            for row in self._history(name):
                values = moments.setdefault((row.time, row.step), {})
                number = math.nan if row.value is None else row.value
                if name not in values or not number < values[name]:  # the higher of a moment, or NaN
                    values[name] = number
        for time, step in sorted(moments):
            yield LoggedPoint(step, time / 1000, moments[time, step])

    def _history(self, name: str) -> Iterator[MetricRow]:
        token, seen = "", set[str]()
        while token not in seen:  # a server could lead in a circle
            seen.add(token)
            asked: dict[str, str | int] = {"run_id": self._run, "metric_key": name, "max_results": _PAGE}
            if token:
                asked["page_token"] = token
            page = self._client.get(_HISTORY, asked)
            yield from rows_of(page.get("metrics"))
            token = str(page.get("next_page_token") or "")
