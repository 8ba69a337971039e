"""A SQLite file of MLflow's, versions 1 to 3, as a source of runs; MLflow itself is not needed.

The tables are those of `mlflow/store/tracking/dbmodels/models.py`. Older versions lack some of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from gitexp.extras.integrations.importers import folder_files, sqlite_file
from gitexp.extras.integrations.importers.foreign import Unread
from gitexp.extras.integrations.mlflow.imports import artifact_folders, database_inputs
from gitexp.extras.integrations.mlflow.imports.database_curves import DatabaseCurves
from gitexp.extras.integrations.mlflow.imports.stored_runs import (
    RunAtMlflow,
    RunSource,
    StoredExperiments,
    experiment_id_here,
)
from gitexp.extras.integrations.mlflow.shelf import Things

_NEEDED = frozenset({"alembic_version", "experiments", "runs", "metrics", "params", "tags"})
_LAST = "latest_metrics"  # a table since MLflow 1.2
_COLUMNS = frozenset({"key", "value", "timestamp", "step", "is_nan", "run_uuid"})  # of metrics
_OF_RUN = (
    "run_uuid, experiment_id, name, status, user_id, start_time, end_time, source_name, source_version, "
    "lifecycle_stage, artifact_uri"
)


def files_in(place: Path, unread: list[Unread]) -> list[Path]:
    """The SQLite files of MLflow's: the file itself, or those of the folder.

    Files of which nobody can tell are added to `unread`.
    """
    return sqlite_file.files_with(_NEEDED, place, unread)


class RunDatabase(RunSource):
    """A SQLite file of MLflow's."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def experiments(self) -> StoredExperiments:
        """The experiments by their ids here. Raises ParseError."""
        with sqlite_file.opened(self._file) as base:
            return {_id_here(number, thing): thing for number, thing in _experiments(base).items()}

    def runs(self) -> Iterator[RunAtMlflow | Unread]:
        """Yield the runs, the oldest first, and the unreadable places."""
        try:
            with closing(sqlite_file.open_to_read(self._file)) as base:
                has_last = bool(sqlite_file.columns(base, _LAST))
                if has_last and sqlite_file.columns(base, "metrics") >= _COLUMNS:
                    yield from self._runs(base)
                else:
                    why = f"its schema {_version(base)} is older than that of MLflow 1.2"
                    yield Unread(str(self._file), f"{why}; mlflow db upgrade makes it a new one")
        except sqlite3.Error as error:
            yield Unread(str(self._file), str(error))

    def registered(self, artifacts: str, told: list[str]) -> Things:
        """No registered model; a sentence if the file has some. Raises ParseError."""
        if "registered_models" in sqlite_file.tables(self._file):
            with sqlite_file.opened(self._file) as base:
                (count,) = base.execute("SELECT count(*) FROM registered_models").fetchone()
            if count:
                told.append(f"not imported: {self._file}: registered models, {count} of them")
        return {}

    def _runs(self, base: sqlite3.Connection) -> Iterator[RunAtMlflow | Unread]:
        experiments = _experiments(base)
        has = sqlite_file.tables(self._file)
        rows = base.execute(f"SELECT {_OF_RUN} FROM runs ORDER BY start_time, run_uuid")
        for row in rows:
            run = _run(dict(zip(_OF_RUN.split(", "), row, strict=True)), experiments)
            if run is None:
                yield Unread(str(self._file), f"its run {row[0]!r:.50} has no id or no start")
                continue
            if not run.is_deleted:
                try:
                    self._fill(base, run, str(row[-1] or ""), has)
                except OSError as error:
                    yield Unread(f"run {run.run_id}", folder_files.reason(error))
                    continue
            yield run

    def _fill(self, base: sqlite3.Connection, run: RunAtMlflow, address: str, has: set[str]) -> None:
        """Add all but the facts of the row itself."""
        run.tags |= _texts(base, "tags", run.run_id)
        run.params = _texts(base, "params", run.run_id)
        given = run.name or run.tags.get("mlflow.runName", "")
        run.name, run.has_name = given or run.run_id[:8], bool(given)
        run.curves = DatabaseCurves(self._file, run.run_id)
        found = artifact_folders.files_at(address, self._file.parent)
        run.artifacts.update(found.files)
        run.remarks += found.remarks
        if has >= database_inputs.NEEDED:
            database_inputs.add_datasets(base, run)
        if has >= database_inputs.NEEDED_FOR_MODELS:
            database_inputs.add_models(base, run, self._file.parent)


def _run(row: dict[str, Any], experiments: StoredExperiments) -> RunAtMlflow | None:
    """The run of a row; None for a row without an id or a start."""
    run_id, start, end = row["run_uuid"], row["start_time"], row["end_time"]
    if not isinstance(run_id, str) or not run_id or not isinstance(start, int):
        return None
    number = str(row["experiment_id"])
    experiment = experiments.get(number, {"name": number, "lifecycle": "active"})
    tags = {}
    if row["source_version"]:
        tags["mlflow.source.git.commit"] = str(row["source_version"])
    if row["source_name"]:
        tags["mlflow.source.name"] = str(row["source_name"])
    return RunAtMlflow(
        run_id,
        _id_here(number, experiment),
        name=str(row["name"] or ""),
        has_name=bool(row["name"]),
        status=str(row["status"]),
        user=str(row["user_id"] or ""),
        start=start,
        end=end if isinstance(end, int) else None,
        is_deleted="deleted" in (experiment["lifecycle"], row["lifecycle_stage"]),
        tags=tags,
    )


def _id_here(number: str, experiment: dict[str, Any]) -> str:
    return experiment_id_here(number, experiment["name"])


def _experiments(base: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """The experiments in the form of the shelf, by the number in the file."""
    columns = sqlite_file.columns(base, "experiments")
    times = [name if name in columns else "NULL" for name in ("creation_time", "last_update_time")]
    found: dict[str, dict[str, Any]] = {}
    rows = base.execute(f"SELECT experiment_id, name, lifecycle_stage, {', '.join(times)} FROM experiments")
    for number, name, lifecycle, created, updated in rows:
        found[str(number)] = {
            "name": str(name),
            "lifecycle": "deleted" if lifecycle == "deleted" else "active",
            "tags": {},
            "created": created,
            "updated": updated,
        }
    if sqlite_file.columns(base, "experiment_tags"):
        for number, key, value in base.execute("SELECT experiment_id, key, value FROM experiment_tags"):
            if str(number) in found:
                found[str(number)]["tags"][str(key)] = str(value)
    return found


def _texts(base: sqlite3.Connection, table: str, run: str) -> dict[str, str]:
    rows = base.execute(f"SELECT key, value FROM {table} WHERE run_uuid = ?", (run,))
    return {str(key): "" if value is None else str(value) for key, value in rows}


def _version(base: sqlite3.Connection) -> str:
    row = base.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else "of no version"
