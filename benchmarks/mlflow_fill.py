"""Fills a database of MLflow's with runs, given as JSON: in MLflow's own environment, which makes its tables.

    python mlflow_fill.py DATABASE < trials.json

Its client would take a quarter of an hour for what this does in a second.
"""

import json
import sqlite3
import sys
from hashlib import md5
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

RUNS = (
    "(run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time,"
    " source_version, lifecycle_stage, artifact_uri, experiment_id)"
    " VALUES (?, ?, 'LOCAL', 'train.py', '', 'bench', 'FINISHED', ?, ?, '', 'active', ?, 0)"
)
METRICS = "(key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, 0, 0, ?)"


def main(database: str, trials: list[dict[str, Any]]) -> None:
    """Each trial has a name, its begin in ms, its duration in s, params and metrics."""
    MlflowClient(f"sqlite:///{database}").search_experiments()
    folder = Path(database).parent / "mlartifacts"
    connection = sqlite3.connect(database)
    with connection:
        for trial in trials:
            _insert(connection, trial, folder)
        connection.execute("ANALYZE")
    connection.close()


def _insert(connection: sqlite3.Connection, trial: dict[str, Any], folder: Path) -> None:
    run = md5(trial["name"].encode()).hexdigest()
    begun = trial["created"] * 1000
    ended = begun + int(trial["duration"] * 1000)
    connection.execute(f"INSERT INTO runs {RUNS}", (run, trial["name"], begun, ended, f"{folder}/{run}"))
    tags = {"mlflow.runName": trial["name"], "mlflow.user": "bench", "mlflow.source.name": "train.py"}
    params = [(key, str(value), run) for key, value in trial["params"].items()]
    metrics = [(key, value, ended, run) for key, value in trial["metrics"].items()]
    connection.executemany(
        "INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", [(*tag, run) for tag in tags.items()]
    )
    connection.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", params)
    connection.executemany(f"INSERT INTO metrics {METRICS}", metrics)
    connection.executemany(f"INSERT INTO latest_metrics {METRICS}", metrics)


if __name__ == "__main__":
    main(sys.argv[1], json.load(sys.stdin))
