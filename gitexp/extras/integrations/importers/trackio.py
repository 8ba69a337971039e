"""Runs of trackio, from its SQLite file of each project."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from gitexp import errors
from gitexp.extras.integrations.importers import sqlite_file
from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer, Read, Unread
from gitexp.files.series import LoggedPoint

_NEEDS = {"metrics", "configs"}
_NOT_OURS = ("_Username", "_Created", "_Group")  # keys of a config that trackio itself has put there


class _TrackioRun(NamedTuple):
    """A run in the file; `key`: the column that tells runs apart, another one in older versions."""

    file: Path
    key: str
    id: str
    name: str


class Trackio(Importer):
    """The reader of trackio's files."""

    title = "trackio"
    looks_for = "a file <project>.db, or the folder trackio keeps them in"

    def finds(self, place: Path) -> bool:
        """Whether the place has a file of trackio's."""
        return any(sqlite_file.tables(file) >= _NEEDS for file in _files(place))

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs of each project."""
        files = [file for file in _files(place) if sqlite_file.tables(file) >= _NEEDS]
        if not files:
            raise errors.UsageError(f"{place} has no file of trackio's.", f"Give {self.looks_for}.")
        for file in files:
            try:
                yield from _runs(file)
            except sqlite3.Error as error:
                yield Unread(str(file), str(error))


IMPORTER = Trackio()


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    return sorted(path for path in place.glob("*.db") if path.is_file())


def _runs(file: Path) -> Iterator[Read]:
    with closing(sqlite_file.open_to_read(file)) as base:
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
                created=_time(first),
                finished=_time(last),
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
    with closing(sqlite_file.open_to_read(run.file)) as base:
        for step, stamp, text in base.execute(query, (run.id,)):
            if isinstance(step, int) and (values := _numbers(text)):
                yield LoggedPoint(step, _time(stamp) or 0.0, values)


def _system(run: _TrackioRun) -> Iterator[LoggedPoint]:
    if "system_metrics" not in sqlite_file.tables(run.file):
        return
    query = f"SELECT timestamp, metrics FROM system_metrics WHERE {run.key} = ? ORDER BY timestamp"
    with closing(sqlite_file.open_to_read(run.file)) as base:
        for step, (stamp, text) in enumerate(base.execute(query, (run.id,))):
            if values := _numbers(text):
                yield LoggedPoint(step, _time(stamp) or 0.0, values)


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


def _time(text: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
