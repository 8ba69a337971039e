"""Experiments for MLflow: in a folder `mlruns`, a SQLite file of MLflow's, or a server."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from gitexp import errors, plugins
from gitexp.extras.integrations.exporters.exporter import ExportedRuns, OnRun, RunExporter
from gitexp.extras.integrations.exporters.places import local_path, require_file, require_folder
from gitexp.extras.integrations.exporters.stored_run import StoredRuns
from gitexp.extras.integrations.importers.servers import address
from gitexp.extras.integrations.mlflow.exporting.exported_run import MlflowRun
from gitexp.extras.integrations.mlflow.exporting.mlruns_writer import MlrunsFolder
from gitexp.extras.integrations.mlflow.exporting.rest_api import RestApi
from gitexp.extras.integrations.mlflow.exporting.runs_api import ApiRuns
from gitexp.extras.integrations.mlflow.exporting.runs_place import RunsPlace
from gitexp.extras.integrations.mlflow.imports.run_server import client_of
from gitexp.masks import without_credentials
from gitexp.model import Experiment
from gitexp.objects.disk import translated
from gitexp.project.project import Project

_DATABASE = "sqlite:///"
_ENDINGS = (".db", ".sqlite", ".sqlite3")
_EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"  # as for MLflow's own clients
_LONGEST_NAME = 500  # characters


class MlflowExporter(RunExporter):
    """The writer of MLflow's runs."""

    title = "MLflow"
    writes = "a folder mlruns, a file mlflow.db, or a server http://…"
    place = "mlruns"

    def write(
        self, project: Project, experiments: Sequence[Experiment], place: str, on_run: OnRun
    ) -> ExportedRuns:
        runs, there = StoredRuns(project, experiments), _place(project, place)
        shown = without_credentials(place)
        known = {} if there is None else there.known()
        if project.dry_run or there is None:
            new = sum(run.key not in known or known[run.key].state != run.state for run in runs)
            return ExportedRuns(shown, new, len(runs) - new)
        done, remarks = 0, list[str]()
        ids = {each.name: each.run_id for each in known.values()}
        with translated(f"could not write to {shown}"), there:
            for number, run in enumerate(runs, start=1):
                earlier = known.get(run.key)
                if earlier is None or earlier.state != run.state:
                    made = MlflowRun(
                        run, ids.get(run.record.parent, ""), names_are_paths=there.names_are_paths
                    )
                    ids[run.name] = there.put(made, earlier)
                    done += 1
                    remarks += made.remarks
                on_run(number)
        return ExportedRuns(shown, done, len(runs) - done, remarks, _hint(place))


EXPORTER = MlflowExporter()


def _place(project: Project, place: str) -> RunsPlace | None:
    """The place of the runs; None for a file that a dry run would make. Raises UsageError."""
    name = (os.environ.get(_EXPERIMENT) or project.repo.root.resolve().name)[:_LONGEST_NAME]
    if address.is_address(place):
        return ApiRuns(RestApi(project, client_of(address.parse(place))), name)
    database = _database(project, place)
    if database is None:
        root = local_path(project, place)
        require_folder(root, place)
        return MlrunsFolder(project, root, name)
    if project.dry_run and not database.exists():
        return None
    make = plugins.find_installed("mlflow export", "database", "mlflow")
    if make is None:
        raise errors.UsageError(
            f"{place} is a file of MLflow's own, and MLflow is not installed beside gitexp.",
            "pip install 'gitexp[mlflow]', or name a running server: -o http://localhost:5000",
        )
    database.parent.mkdir(parents=True, exist_ok=True)
    return ApiRuns(make(project, database), name)


def _database(project: Project, place: str) -> Path | None:
    """The SQLite file of a place; None for a folder."""
    if not place.startswith(_DATABASE) and not place.endswith(_ENDINGS):
        return None
    path = local_path(project, place.removeprefix(_DATABASE))
    require_file(path, place)
    return path


def _hint(place: str) -> str:
    if address.is_address(place):
        return ""
    path = shlex.quote(place.removeprefix(_DATABASE))
    if place.startswith(_DATABASE) or place.endswith(_ENDINGS):
        return f"To see them: mlflow ui --backend-store-uri {_DATABASE}{path}"
    return f"For MLflow's UI: mlflow migrate-filestore --source {path} --target {_DATABASE}mlflow.db"
