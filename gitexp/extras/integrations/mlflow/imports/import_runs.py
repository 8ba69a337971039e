"""Runs of MLflow's own stores: a folder of the file store, which MLflow itself no longer opens, or SQLite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer, Place, Read, RunLeftOut, Unread
from gitexp.extras.integrations.importers.servers.address import ServerAddress
from gitexp.extras.integrations.mlflow.imports import run_database, run_folder, run_server
from gitexp.extras.integrations.mlflow.imports.own_parts import OwnParts
from gitexp.extras.integrations.mlflow.imports.run_database import RunDatabase
from gitexp.extras.integrations.mlflow.imports.run_folder import RunFolder
from gitexp.extras.integrations.mlflow.imports.run_server import RunServer
from gitexp.extras.integrations.mlflow.imports.stored_runs import RunAtMlflow, RunSource, StoredExperiments
from gitexp.extras.integrations.mlflow.place import artifacts_uri
from gitexp.extras.integrations.mlflow.run_facts import line_of
from gitexp.extras.integrations.mlflow.run_index import RunIndex
from gitexp.extras.integrations.mlflow.shelf import Changes, Shelf, Things
from gitexp.extras.integrations.mlflow.tags import labels_of
from gitexp.model import Experiment, Status
from gitexp.project.project import Project
from gitexp.runs.logged_values.logged_files import MLFLOW

_STATUSES = {"FINISHED": Status.DONE, "FAILED": Status.FAILED}


class Mlflow(Importer):
    """The reader of MLflow's stores. A run keeps its id, by which MLflow's clients find it again."""

    title = "MLflow"
    looks_for = "a folder `mlruns`, a file mlflow.db, or the URL of a server"

    def finds(self, place: Path) -> bool:
        """Whether the place has a store of MLflow's."""
        return bool(_sources(place, []))

    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs of a place, of each store the oldest first."""
        unread: list[Unread] = []
        sources = _sources(place, unread)
        yield from unread
        if not sources and not unread:
            raise errors.UsageError(
                f"{place} is no folder of MLflow's file store: it has no <experiment>/meta.yaml; nor has it "
                "a SQLite file of MLflow's.",
                "Give the folder mlruns itself, or the file: gitexp import mlflow ./mlruns",
            )
        for source in sources:
            yield from _read(source)

    def finds_on(self, server: ServerAddress) -> bool:
        """Whether a server is MLflow's; it is asked."""
        return run_server.is_there(server)

    def read_from(self, server: ServerAddress) -> Iterator[Read]:
        """Yield the runs on a server, of each experiment the oldest first. Raises SharingError."""
        yield from _read(RunServer(server))

    def known(self, project: Project) -> Mapping[str, Experiment]:
        """The runs that MLflow's clients have logged into the repository."""
        return {run.run_id: run.experiment for run in RunIndex(project).all()}

    def finish(self, project: Project, place: Place) -> Sequence[str]:
        """Keep MLflow's experiments and registered models, those that are new here."""
        told: list[str] = []
        for source in _sources(place, []):
            _keep(project, source, told)
        return told


IMPORTER = Mlflow()


def _sources(place: Place, unread: list[Unread]) -> list[RunSource]:
    """The stores of a file or folder, or that of a server.

    Files and folders of which nobody can tell are added to `unread`.
    """
    if isinstance(place, ServerAddress):
        return [RunServer(place)]
    found: list[RunSource] = [RunDatabase(file) for file in run_database.files_in(place, unread)]
    if run_folder.is_there(place, unread):
        found.append(RunFolder(place))
    return found


def _read(source: RunSource) -> Iterator[Read]:
    experiments: StoredExperiments | None = None
    for run in source.runs():
        if isinstance(run, Unread):
            yield run
        elif run.is_deleted:
            yield RunLeftOut("deleted there")
        else:
            try:
                experiments = source.experiments() if experiments is None else experiments
                yield _as_run(run, experiments.get(run.experiment_id, {}))
            except (errors.GitexpError, OSError) as error:
                yield Unread(f"run {run.run_id}", folder_files.reason(error))


def _keep(project: Project, source: RunSource, told: list[str]) -> None:
    """Put a store's experiments and registered models on the shelf; adds omissions to `told`."""
    root = project.repo.root.resolve().as_posix()
    registered = source.registered(artifacts_uri(root, "{kind}", "{owner}"), told)
    experiments = source.experiments()

    def make(things: Things) -> Changes:
        new: dict[str, dict[str, Any] | None] = {}
        for experiment_id, thing in experiments.items():
            path = f"experiments/{experiment_id}.json"
            if experiment_id != "0" and path not in things:
                new[path] = dict(thing)
        for path, thing in registered.items():
            if path not in things:
                new[path] = thing
        return new

    Shelf(project).change(make, "import")


def _as_run(run: RunAtMlflow, experiment: Mapping[str, Any]) -> ForeignRun:
    curves = run.curves
    known = {"run": run.run_id, "experiment": run.experiment_id, "start": run.start, "end": run.end}
    known["experiment_name"] = experiment.get("name", "Default")
    status = _STATUSES.get(run.status, Status.INTERRUPTED)

    def run_files() -> dict[str, bytes]:
        return {MLFLOW: _facts(run)}

    own = OwnParts.of(run)
    return ForeignRun(
        id=run.run_id,
        status=status,
        state=f"{run.status} {run.end} {curves.extent()}",
        name=run.name if run.has_name else "",
        created=run.start / 1000,
        finished=(run.end or run.start) / 1000,
        duration=(run.end - run.start) / 1000 if run.end else None,
        params=own.params,
        metrics=own.metrics,
        points=curves.points,
        tags=tuple(labels_of(run.tags)),
        note=run.tags.get("mlflow.note.content", ""),
        group=str(experiment.get("name", "")),
        parent=run.tags.get("mlflow.parentRunId", ""),
        command=run.tags.get("mlflow.source.name", ""),
        user=run.user,
        exit_code=0 if status is Status.DONE else None,
        commit=run.tags.get("mlflow.source.git.commit", ""),
        patch=own.patch,
        files=own.files,
        log=own.log,
        environment=own.environment,
        downloads=run.downloads,
        record={"mlflow": known},
        run_files=run_files,
        remarks=tuple(run.remarks),
    )


def _facts(run: RunAtMlflow) -> bytes:
    """The line that MLflow's store reads: what gitexp's record has no place for."""
    facts: dict[str, Any] = {
        "run": {"name": run.name, "user": run.user, "status": run.status, "start": run.start, "end": run.end},
        "tags": run.tags,
        "params": run.params,
        "last": {name: value.as_json() for name, value in run.curves.last.items()},
        "datasets": run.datasets,
        "outputs": run.outputs,
        "models": run.models,
    }
    return line_of(**facts)
