"""Runs of a folder of MLflow's file store, which MLflow itself no longer opens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer, Read, RunLeftOut, Unread
from gitexp.extras.integrations.mlflow import mlruns, mlruns_registry
from gitexp.extras.integrations.mlflow.mlruns import Curves, StoredRun
from gitexp.extras.integrations.mlflow.place import artifacts_uri
from gitexp.extras.integrations.mlflow.plain_params import plain_params
from gitexp.extras.integrations.mlflow.run_facts import line_of
from gitexp.extras.integrations.mlflow.run_index import RunIndex
from gitexp.extras.integrations.mlflow.shelf import Changes, Shelf, Things
from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from gitexp.runs.logged_values.logged_files import MLFLOW

_STATUSES = {"FINISHED": Status.DONE, "FAILED": Status.FAILED}


class Mlflow(Importer):
    """The reader of MLflow's files. A run keeps its id, by which MLflow's clients find it again."""

    title = "MLflow"
    looks_for = "a folder `mlruns`"

    def finds(self, place: Path) -> bool:
        """Whether a folder is one of MLflow's file store."""
        for folder in mlruns.folders_in(place):
            meta = mlruns.meta_of(folder)
            if "artifact_location" in meta and "experiment_id" in meta:
                return True
        return False

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs of a folder, the oldest first."""
        found = mlruns.read(place)
        if not found.experiments:
            raise errors.UsageError(
                f"{place} is no folder of MLflow's file store: it has no <experiment>/meta.yaml.",
                "Give the folder mlruns itself: gitexp import mlflow ./mlruns",
            )
        for warning in found.warnings:
            yield Unread(*_parted(warning))
        for run in found.runs:
            if run.is_deleted:
                yield RunLeftOut("deleted there")
            else:
                yield _as_run(run, found.experiments.get(run.experiment_id, {}))

    def known(self, project: Project) -> Mapping[str, Experiment]:
        """The runs that MLflow's clients have logged into the repository."""
        return {run.run_id: run.experiment for run in RunIndex(project).all()}

    def finish(self, project: Project, place: Path) -> Sequence[str]:
        """Keep MLflow's experiments and registered models, those that are new here."""
        root = project.repo.root.resolve().as_posix()
        registry = mlruns_registry.read(place, artifacts_uri(root, "{kind}", "{owner}"))
        experiments = mlruns.read_experiments(place)

        def make(things: Things) -> Changes:
            new: dict[str, dict[str, Any] | None] = {}
            for experiment_id, thing in experiments.items():
                path = f"experiments/{experiment_id}.json"
                if experiment_id != "0" and path not in things:
                    new[path] = dict(thing)
            for path, thing in registry.things.items():
                if path not in things:
                    new[path] = thing
            return new

        Shelf(project).change(make, "import")
        return registry.warnings


IMPORTER = Mlflow()


def _parted(warning: str) -> tuple[str, str]:
    why, _, where = warning.rpartition(": ")
    return where, why


def _as_run(run: StoredRun, experiment: Mapping[str, Any]) -> ForeignRun:
    curves = Curves(run.metrics)
    known = {"run": run.run_id, "experiment": run.experiment_id, "start": run.start, "end": run.end}
    known["experiment_name"] = experiment.get("name", "Default")
    status = _STATUSES.get(run.status, Status.INTERRUPTED)

    def run_files() -> dict[str, bytes]:
        return {MLFLOW: _facts(run, curves)}

    return ForeignRun(
        id=run.run_id,
        status=status,
        state=f"{run.status} {run.end} {_size(run)}",
        name=run.name if run.has_name else "",
        created=run.start / 1000,
        finished=(run.end or run.start) / 1000,
        duration=(run.end - run.start) / 1000 if run.end else None,
        params=plain_params(run.params),
        points=curves.points,
        note=run.tags.get("mlflow.note.content", ""),
        group=str(experiment.get("name", "")),
        parent=run.tags.get("mlflow.parentRunId", ""),
        command=run.tags.get("mlflow.source.name", ""),
        user=run.user,
        exit_code=0 if status is Status.DONE else None,
        commit=run.tags.get("mlflow.source.git.commit", ""),
        files=run.artifacts,
        record={"mlflow": known},
        run_files=run_files,
    )


def _size(run: StoredRun) -> int:
    """The bytes of all files of metrics."""
    return sum(path.stat().st_size for path in run.metrics.values())


def _facts(run: StoredRun, curves: Curves) -> bytes:
    """The line that MLflow's store reads: what gitexp's record has no place for."""
    facts: dict[str, Any] = {
        "run": {"name": run.name, "user": run.user, "status": run.status, "start": run.start, "end": run.end},
        "tags": run.tags,
        "params": run.params,
        "last": {name: value.as_json() for name, value in curves.last.items()},
        "datasets": run.datasets,
        "outputs": run.outputs,
        "models": run.models,
    }
    return line_of(**facts)
