"""Runs of trackio, from its SQLite file of each project."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from gitexp.extras.integrations.importers import iso_times, sqlite_file
from gitexp.extras.integrations.importers.foreign import ForeignRun, Read
from gitexp.extras.integrations.importers.sqlite_importer import SqliteImporter
from gitexp.files.lines.series import LoggedPoint
from gitexp.named_tuple import NamedTuple

_NOT_OURS = ("_Username", "_Created", "_Group")  # keys of a config that trackio itself has put there


class _TrackioRun(NamedTuple):
    """A run in the file; `key`: the column that tells runs apart, another one in older versions."""

    file: Path
    key: str
    id: str
    name: str


class Trackio(SqliteImporter):
    """The reader of trackio's files."""

    title = "trackio"
    looks_for = "a file <project>.db, or the folder trackio keeps them in"
    needs = frozenset({"metrics", "configs"})

    def runs(self, file: Path, base: sqlite3.Connection) -> Iterator[Read]:
        """Yield the runs of a project."""
        return _runs(file, base)


IMPORTER = Trackio()


def _runs(file: Path, base: sqlite3.Connection) -> Iterator[Read]:
    key = "run_id" if "run_id" in sqlite_file.columns(base, "metrics") else "run_name"
    asked = f"{key}, min(run_name), count(*), min(timestamp), max(timestamp)"
    rows = base.execute(f"SELECT {asked} FROM metrics GROUP BY {key} ORDER BY min(timestamp)").fetchall()
    for id, name, count, first, last in rows:
        run = _TrackioRun(file, key, str(id), str(name))
        config = _config(base, run)
        params = {name: value for name, value in config.items() if name not in _NOT_OURS}
        yield ForeignRun(
            id=f"{file.stem}/{id}",
            state=str(count),
            name=str(name),
            created=iso_times.seconds(first),
            finished=iso_times.seconds(last),
            params=params,
            points=partial(_points, run),
            system=partial(_system, run),
            group=str(config.get("_Group") or ""),
            user=str(config.get("_Username") or ""),
            facts={"trackio": {"project": file.stem}},
        )


def _config(base: sqlite3.Connection, run: _TrackioRun) -> dict[str, Any]:
    row = base.execute(f"SELECT config FROM configs WHERE {run.key} = ?", (run.id,)).fetchone()
    return _object(row[0]) if row is not None else {}


def _points(run: _TrackioRun) -> Iterator[LoggedPoint]:
    query = f"SELECT step, timestamp, metrics FROM metrics WHERE {run.key} = ? ORDER BY step, id"
    with sqlite_file.opened(run.file) as base:
        for step, stamp, text in base.execute(query, (run.id,)):
            if isinstance(step, int) and (values := _numbers(text)):
                yield LoggedPoint(step, iso_times.seconds(stamp) or 0.0, values)


def _system(run: _TrackioRun) -> Iterator[LoggedPoint]:
    if "system_metrics" not in sqlite_file.tables(run.file):
        return
    query = f"SELECT timestamp, metrics FROM system_metrics WHERE {run.key} = ? ORDER BY timestamp"
    with sqlite_file.opened(run.file) as base:
        for step, (stamp, text) in enumerate(base.execute(query, (run.id,))):
            if values := _numbers(text):
                yield LoggedPoint(step, iso_times.seconds(stamp) or 0.0, values)


def _numbers(text: Any) -> dict[str, float]:
    """The numbers of an object; trackio writes NaN and infinity as words."""
    found: dict[str, float] = {}
    for name, value in _object(text).items():
        if isinstance(value, int | float) or value in ("NaN", "Infinity", "-Infinity"):
            found[name] = float(value)
    return found


def _object(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
