"""The calls of an export over HTTP: https://mlflow.org/docs/latest/rest-api.html."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from gitexp import errors
from gitexp.extras.integrations.exporters.stored_files import pieces
from gitexp.extras.integrations.importers.servers.web_client import WebClient
from gitexp.extras.integrations.mlflow.exported_names import ID, NAME, STATE
from gitexp.extras.integrations.mlflow.exporting.exported_run import MetricValue, MlflowRun, RunFile
from gitexp.extras.integrations.mlflow.exporting.runs_api import FoundExperiment, MadeRun, RunsApi
from gitexp.extras.integrations.mlflow.exporting.runs_place import KnownRun
from gitexp.project.project import Project

_API, _ARTIFACTS = "/api/2.0/mlflow", "/api/2.0/mlflow-artifacts/artifacts"
_PAGE = 500  # runs
_THROUGH_THE_SERVER = "mlflow-artifacts"


class RestApi(RunsApi):
    """A server."""

    def __init__(self, project: Project, client: WebClient) -> None:
        self._project = project
        self._client = client

    def experiment(self, name: str) -> FoundExperiment | None:
        for found in self._all("experiments", {"view_type": "ALL"}):
            if found.get("name") == name:
                return FoundExperiment(str(found["experiment_id"]), found.get("lifecycle_stage") == "deleted")
        return None

    def make_experiment(self, name: str) -> str:
        return str(self._post("experiments/create", {"name": name})["experiment_id"])

    def exported(self, experiment_id: str) -> Iterator[tuple[str, KnownRun]]:
        asked = {"experiment_ids": [experiment_id], "filter": f"tags.`{ID}` LIKE '%'"}
        for run in self._all("runs", asked):
            tags = {each["key"]: each.get("value", "") for each in run["data"].get("tags", [])}
            yield tags[ID], KnownRun(run["info"]["run_id"], tags.get(STATE, ""), tags.get(NAME, ""))

    def make_run(self, experiment_id: str, run: MlflowRun) -> MadeRun:
        body = {
            "experiment_id": experiment_id,
            "user_id": run.user,
            "run_name": run.name,
            "start_time": run.start,
            "tags": _texts({ID: run.key}),
        }
        info = self._post("runs/create", body)["run"]["info"]
        return MadeRun(str(info["run_id"]), str(info.get("artifact_uri", "")))

    def log(
        self,
        run_id: str,
        *,
        metrics: Iterable[MetricValue] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        body = {
            "run_id": run_id,
            "metrics": [_as_json(each) for each in metrics],
            "params": _texts(params or {}),
            "tags": _texts(tags or {}),
        }
        self._post("runs/log-batch", body)

    def end(self, run_id: str, run: MlflowRun) -> None:
        body = {"run_id": run_id, "status": run.status, "end_time": run.end, "run_name": run.name}
        self._post("runs/update", body)

    def delete(self, run_id: str) -> None:
        self._post("runs/delete", {"run_id": run_id})

    def no_files(self, artifact_uri: str) -> str | None:
        scheme = urlsplit(artifact_uri).scheme
        if scheme == _THROUGH_THE_SERVER:
            return None
        return f"the server does not take them itself, but has them at {scheme or 'a path'}:…"

    def put_file(self, artifact_uri: str, file: RunFile) -> str | None:
        path = f"{_ARTIFACTS}/{urlsplit(artifact_uri).path.strip('/')}/{quote(file.name)}"
        try:
            if isinstance(file.content, bytes):
                self._client.put(path, [file.content], len(file.content))
            else:
                self._client.put(path, pieces(self._project, file.content), file.content.size)
        except (errors.DataError, errors.SharingError) as error:
            return error.message
        return None

    def _post(self, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._client.post(f"{_API}/{what}", body)

    def _all(self, kind: str, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield all `experiments` or `runs` of a search, page by page."""
        page = ""
        while True:
            answer = self._post(f"{kind}/search", {**asked, "max_results": _PAGE, "page_token": page})
            yield from answer.get(kind, [])
            page = answer.get("next_page_token", "")
            if not page:
                return


def _texts(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": text} for name, text in values.items()]


def _as_json(each: MetricValue) -> dict[str, Any]:
    return {"key": each.name, "value": _number(each.value), "timestamp": each.time, "step": each.step}


def _number(value: float) -> float | str:
    """The number for JSON, which has words for NaN and infinity."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
