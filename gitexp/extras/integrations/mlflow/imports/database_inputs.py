"""The datasets and logged models of a run in MLflow's database, versions 2.4 and 3."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gitexp.extras.integrations.mlflow.imports import artifact_folders
from gitexp.extras.integrations.mlflow.imports.stored_runs import MODEL_STATUSES, RunAtMlflow

NEEDED = frozenset({"datasets", "inputs", "input_tags"})  # tables
NEEDED_FOR_MODELS = frozenset({"logged_models", "logged_model_params", "logged_model_tags", "inputs"})
_DATASET = "name, digest, dataset_source_type, dataset_source, dataset_schema, dataset_profile"
_NAMES = ("name", "digest", "source_type", "source", "schema", "profile")
_OF_MODEL = (
    "model_id, name, creation_timestamp_ms, last_updated_timestamp_ms, status, model_type, artifact_location"
)
_DEPTH = 4  # parts of a model's address that MLflow adds: experiment, `models`, model, `artifacts`


def add_datasets(base: sqlite3.Connection, run: RunAtMlflow) -> None:
    """Add the datasets that a run has read, with the tags of their use."""
    columns = ", ".join(f"datasets.{name}" for name in _DATASET.split(", "))
    rows = base.execute(
        f"SELECT inputs.input_uuid, {columns} FROM inputs JOIN datasets "
        "ON datasets.dataset_uuid = inputs.source_id WHERE inputs.source_type = 'DATASET' "
        "AND inputs.destination_type = 'RUN' AND inputs.destination_id = ? ORDER BY inputs.input_uuid",
        (run.run_id,),
    )
    for use, *values in rows.fetchall():
        dataset = {name: value for name, value in zip(_NAMES, values, strict=True) if value is not None}
        tags = _texts(base, "SELECT name, value FROM input_tags WHERE input_uuid = ?", str(use))
        run.datasets.append({"dataset": dataset, "tags": tags})


def add_models(base: sqlite3.Connection, run: RunAtMlflow, top: Path) -> None:
    """Add the logged models that a run has made, with their files below `top`."""
    outputs = (
        "SELECT destination_id, step FROM inputs WHERE source_type = 'RUN_OUTPUT' "
        "AND destination_type = 'MODEL_OUTPUT' AND source_id = ?"
    )
    for model, step in base.execute(outputs, (run.run_id,)):
        run.outputs[str(model)] = step if isinstance(step, int) else 0
    rows = base.execute(f"SELECT {_OF_MODEL} FROM logged_models WHERE source_run_id = ?", (run.run_id,))
    for model, name, created, updated, status, kind, address in rows.fetchall():
        run.models[str(model)] = {
            "experiment": run.experiment_id,
            "name": str(name),
            "created": created,
            "updated": updated,
            "type": kind,
            "status": MODEL_STATUSES.get(status, "READY"),
            "tags": _texts(
                base, "SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ?", model
            ),
            "params": _texts(
                base, "SELECT param_key, param_value FROM logged_model_params WHERE model_id = ?", model
            ),
        }
        found = artifact_folders.files_at(str(address), top, _DEPTH)
        for path, file in found.files.items():
            run.artifacts[f"mlflow-models/{model}/{path}"] = file
        run.remarks += found.remarks


def _texts(base: sqlite3.Connection, query: str, key: str) -> dict[str, str]:
    return {str(name): "" if value is None else str(value) for name, value in base.execute(query, (key,))}
