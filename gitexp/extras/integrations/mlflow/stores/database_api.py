"""The calls of an export for a SQLite file, by MLflow's own client: the installed MLflow makes the schema."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from gitexp import errors
from gitexp.extras.integrations.exporters.whole_runs import write_content
from gitexp.extras.integrations.mlflow.exported_names import ID, NAME, STATE
from gitexp.extras.integrations.mlflow.exporting.exported_run import MetricValue, MlflowRun, RunFile
from gitexp.extras.integrations.mlflow.exporting.runs_api import FoundExperiment, MadeRun, RunsApi
from gitexp.extras.integrations.mlflow.exporting.runs_place import KnownRun
from gitexp.project.project import Project

_PAGE = 500  # runs
_ARTIFACTS = "mlartifacts"  # beside the file, as MLflow's server calls it


class DatabaseApi(RunsApi):
    """A SQLite file. Raises UsageError for one that this MLflow does not open."""

    def __init__(self, project: Project, database: Path) -> None:
        self._project = project
        self._artifacts = database.absolute().parent / _ARTIFACTS
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        for name in ("alembic", "mlflow"):  # they tell of each step of a new schema
            logging.getLogger(name).setLevel(logging.ERROR)
        with _translated():
            self._client = MlflowClient(tracking_uri=f"sqlite:///{database.absolute().as_posix()}")

    def experiment(self, name: str) -> FoundExperiment | None:
        with _translated():
            found = self._client.get_experiment_by_name(name)
        if found is None:
            return None
        return FoundExperiment(str(found.experiment_id), found.lifecycle_stage == "deleted")

    def make_experiment(self, name: str) -> str:
        folder = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
        with _translated():
            return str(self._client.create_experiment(name, (self._artifacts / folder).as_uri()))

    def exported(self, experiment_id: str) -> Iterator[tuple[str, KnownRun]]:
        token = None
        while True:
            with _translated():
                found = self._client.search_runs(
                    [experiment_id], f"tags.`{ID}` LIKE '%'", max_results=_PAGE, page_token=token
                )
            for run in found:
                tags = run.data.tags
                yield tags[ID], KnownRun(run.info.run_id, tags.get(STATE, ""), tags.get(NAME, ""))
            token = found.token
            if not token:
                return

    def make_run(self, experiment_id: str, run: MlflowRun) -> MadeRun:
        tags = {ID: run.key, "mlflow.user": run.user}
        with _translated():
            made = self._client.create_run(experiment_id, run.start, tags, run.name)
        return MadeRun(made.info.run_id, made.info.artifact_uri)

    def log(
        self,
        run_id: str,
        *,
        metrics: Iterable[MetricValue] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        numbers = [Metric(each.name, each.value, each.time, each.step) for each in metrics]
        texts = [Param(name, text) for name, text in (params or {}).items()]
        labels = [RunTag(name, text) for name, text in (tags or {}).items()]
        with _translated():
            self._client.log_batch(run_id, numbers, texts, labels)

    def end(self, run_id: str, run: MlflowRun) -> None:
        with _translated():
            self._client.set_terminated(run_id, run.status, run.end)
            self._client.update_run(run_id, run.status, run.name)

    def delete(self, run_id: str) -> None:
        with _translated():
            self._client.delete_run(run_id)

    def no_files(self, artifact_uri: str) -> str | None:
        if urlsplit(artifact_uri).scheme not in ("", "file"):
            return f"the experiment there has them elsewhere, at {artifact_uri.partition(':')[0]}:…"
        return None

    def put_file(self, artifact_uri: str, file: RunFile) -> str | None:
        folder = url2pathname(urlsplit(artifact_uri).path)
        return write_content(self._project, file.content, Path(folder, file.name))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        raise errors.GitexpError(
            f"MLflow refuses: {error.message}", "Try it: mlflow ui --backend-store-uri sqlite:///FILE"
        ) from error
