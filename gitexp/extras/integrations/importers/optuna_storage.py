"""Trials of Optuna, from the SQLite file of its storage; Optuna itself is not needed.

The tables are those of `optuna/storages/_rdb/models.py`, versions 2 to 5.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gitexp.extras.integrations.importers import iso_times, sqlite_file
from gitexp.extras.integrations.importers.foreign import ForeignRun, Read
from gitexp.extras.integrations.importers.sqlite_importer import SqliteImporter
from gitexp.files.lines.series import LoggedPoint
from gitexp.model import Status

_STATUSES = {"COMPLETE": Status.DONE, "FAIL": Status.FAILED}
_INFINITE = {"INF_POS": float("inf"), "INF_NEG": float("-inf"), "NAN": float("nan")}


class OptunaStorage(SqliteImporter):
    """The reader of Optuna's storages."""

    title = "Optuna"
    looks_for = "the SQLite file of a storage, such as optuna.db"
    needs = frozenset({"studies", "trials", "trial_params", "trial_values"})

    def runs(self, file: Path, base: sqlite3.Connection) -> Iterator[Read]:
        """Yield the trials of all studies."""
        return _trials(file, base)


IMPORTER = OptunaStorage()


def _trials(file: Path, base: sqlite3.Connection) -> Iterator[ForeignRun]:
    studies = base.execute("SELECT study_id, study_name FROM studies ORDER BY study_id").fetchall()
    for study_id, study in studies:
        asked = "trial_id, number, state, datetime_start, datetime_complete"
        rows = base.execute(f"SELECT {asked} FROM trials WHERE study_id = ? ORDER BY number", (study_id,))
        for trial, number, state, start, end in rows.fetchall():
            if state == "WAITING":
                continue
            yield _trial(file, base, f"{study}", (trial, number, state), (start, end))


def _trial(
    file: Path, base: sqlite3.Connection, study: str, trial: tuple[int, int, str], times: tuple[Any, Any]
) -> ForeignRun:
    id_, number, state = trial
    of_user = _attributes(base, "trial_user_attributes", id_)
    return ForeignRun(
        id=f"{study}/{number}@{times[0]}",
        status=_STATUSES.get(state, Status.INTERRUPTED),
        state=state,
        name=f"{study}-{number}",
        created=iso_times.seconds(times[0], is_local=True),
        finished=iso_times.seconds(times[1], is_local=True),
        params=_params(base, id_),
        metrics=_values(base, id_),
        points=partial(_points, file, id_),
        group=study,
        facts={"optuna": {"study": study, "number": number, "state": state, "user_attributes": of_user}},
        remarks=("it was pruned",) if state == "PRUNED" else (),
    )


def _params(base: sqlite3.Connection, trial: int) -> dict[str, Any]:
    """The params: for each, the file has a number, and a distribution with its meaning."""
    query = "SELECT param_name, param_value, distribution_json FROM trial_params WHERE trial_id = ?"
    found: dict[str, Any] = {}
    for name, value, text in base.execute(f"{query} ORDER BY param_id", (trial,)):
        found[name] = _meaning(value, text)
    return found


def _meaning(value: Any, text: Any) -> Any:
    try:
        distribution = json.loads(text)
        kind, attributes = distribution["name"], distribution["attributes"]
        if kind == "CategoricalDistribution":
            return attributes["choices"][int(value)]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return value
    if str(kind).startswith("Int") and isinstance(value, float):
        return int(value)
    return value


def _values(base: sqlite3.Connection, trial: int) -> dict[str, float]:
    """The objectives under the names of Optuna's own tables: `value`, or `value_0`, `value_1` and so on."""
    kind = "value_type" if "value_type" in sqlite_file.columns(base, "trial_values") else "'FINITE'"
    query = f"SELECT value, {kind} FROM trial_values WHERE trial_id = ? ORDER BY objective"
    numbers = []
    for value, form in base.execute(query, (trial,)):
        numbers.append(_INFINITE.get(form, value))
    good = [float(value) for value in numbers if value is not None]
    if len(good) == 1:
        return {"value": good[0]}
    return {f"value_{number}": value for number, value in enumerate(good)}


def _points(file: Path, trial: int) -> Iterator[LoggedPoint]:
    """Yield the reported values, step by step; Optuna notes no times for them."""
    with sqlite_file.opened(file) as base:
        columns = sqlite_file.columns(base, "trial_intermediate_values")
        kind = "intermediate_value_type" if "intermediate_value_type" in columns else "'FINITE'"
        query = f"SELECT step, intermediate_value, {kind} FROM trial_intermediate_values WHERE trial_id = ?"
        for step, value, form in base.execute(f"{query} ORDER BY step", (trial,)):
            number = _INFINITE.get(form, value)
            if number is not None:
                yield LoggedPoint(step, 0.0, {"intermediate": float(number)})


def _attributes(base: sqlite3.Connection, table: str, trial: int) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for key, text in base.execute(f"SELECT key, value_json FROM {table} WHERE trial_id = ?", (trial,)):
        try:
            found[key] = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            found[key] = text
    return found
