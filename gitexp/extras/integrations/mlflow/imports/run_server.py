"""A server of MLflow's, versions 1.28 to 3, as a source of runs: its REST API."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.importers.foreign import Download, Unread
from gitexp.extras.integrations.importers.servers.address import ServerAddress
from gitexp.extras.integrations.importers.servers.web_client import WebClient, basic
from gitexp.extras.integrations.mlflow.imports.server_answers import dicts, pairs, rows_of
from gitexp.extras.integrations.mlflow.imports.server_curves import ServerCurves
from gitexp.extras.integrations.mlflow.imports.stored_runs import (
    RunAtMlflow,
    RunSource,
    StoredExperiments,
    experiment_id_here,
)
from gitexp.extras.integrations.mlflow.shelf import Things

_API = "/api/2.0/mlflow"
_RUNS, _EXPERIMENTS = 100, 1000  # of a page
_MOST_FILES = 100_000  # of a run


def client_of(address: ServerAddress) -> WebClient:
    """The client for a server, with the token or password from MLflow's own variables."""
    token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    user = address.user or os.environ.get("MLFLOW_TRACKING_USERNAME", "")
    password = address.password or os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
    headers: dict[str, str] = {}
    if user:
        headers = basic(user, password)
    elif token:
        headers = {"Authorization": f"Bearer {token}"}
    return WebClient(address, headers)


def is_there(address: ServerAddress) -> bool:
    """Whether a server answers as MLflow's do."""
    try:
        answer = client_of(address).get(f"{_API}/experiments/get", {"experiment_id": "0"})
    except errors.SharingError:
        return False
    return "experiment" in answer


class RunServer(RunSource):
    """A server of MLflow's."""

    def __init__(self, address: ServerAddress) -> None:
        self._client = client_of(address)
        self._address = address
        self._known: dict[str, dict[str, Any]] | None = None

    def experiments(self) -> StoredExperiments:
        """The experiments by their ids here. Raises SharingError."""
        found = {}
        for number, thing in self._there().items():
            found[experiment_id_here(number, thing["name"])] = thing
        return found

    def runs(self) -> Iterator[RunAtMlflow | Unread]:
        """Yield the runs, of each experiment the oldest first. Raises SharingError."""
        for number, experiment in self._there().items():
            asked = {"experiment_ids": [number], "run_view_type": "ALL", "max_results": _RUNS}
            asked["order_by"] = ["attributes.start_time ASC"]
            for page in self._pages("runs/search", asked):
                for each in dicts(page.get("runs")):
                    yield self._run(each, number, experiment)

    def registered(self, artifacts: str, told: list[str]) -> Things:
        """No registered model; a sentence if the server has some."""
        try:
            found = self._client.get(f"{_API}/registered-models/search", {"max_results": 1})
        except errors.SharingError:  # a server without a registry
            return {}
        if dicts(found.get("registered_models")):
            told.append(f"not imported: {self._address}: its registered models")
        return {}

    def _there(self) -> dict[str, dict[str, Any]]:
        """The experiments in the form of the shelf, by the id on the server."""
        if self._known is None:
            self._known = {}
            asked = {"view_type": "ALL", "max_results": _EXPERIMENTS}
            for page in self._pages("experiments/search", asked):
                for each in dicts(page.get("experiments")):
                    self._known[str(each.get("experiment_id", ""))] = {
                        "name": str(each.get("name", "")),
                        "lifecycle": "deleted" if each.get("lifecycle_stage") == "deleted" else "active",
                        "tags": pairs(each.get("tags")),
                        "created": _whole(each.get("creation_time")),
                        "updated": _whole(each.get("last_update_time")),
                    }
        return self._known

    def _pages(self, call: str, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        token, seen = "", set[str]()
        while token not in seen:  # a server could lead in a circle
            seen.add(token)
            page = self._client.post(f"{_API}/{call}", {**asked, **({"page_token": token} if token else {})})
            yield page
            token = str(page.get("next_page_token") or "")

    def _run(self, each: dict[str, Any], number: str, experiment: dict[str, Any]) -> RunAtMlflow | Unread:
        (info,), (data,) = dicts([each.get("info") or {}]), dicts([each.get("data") or {}])
        run_id, start = str(info.get("run_id") or info.get("run_uuid") or ""), _whole(info.get("start_time"))
        if not run_id or start is None:
            return Unread(str(self._address), f"a run of experiment {number} has no id or no start")
        tags = pairs(data.get("tags"))
        name = str(info.get("run_name") or tags.get("mlflow.runName", ""))
        is_deleted = "deleted" in (experiment["lifecycle"], info.get("lifecycle_stage"))
        run = RunAtMlflow(
            run_id,
            experiment_id_here(number, experiment["name"]),
            name=name or run_id[:8],
            has_name=bool(name),
            status=str(info.get("status", "")),
            user=str(info.get("user_id") or tags.get("mlflow.user", "")),
            start=start,
            end=_whole(info.get("end_time")),
            is_deleted=is_deleted,
            tags=tags,
            params=pairs(data.get("params")),
            curves=ServerCurves(self._client, run_id, rows_of(data.get("metrics"))),
            downloads=partial(self._downloads, run_id),
        )
        _add_datasets(run, each)
        return run

    def _downloads(self, run_id: str) -> dict[str, Download]:
        """The downloads of the artifacts of a run, by name. Raises SharingError."""
        found: dict[str, Download] = {}
        folders = [""]
        seen = {""}
        while folders:
            for each in self._files(run_id, folders.pop()):
                path = str(each.get("path", ""))
                if each.get("is_dir"):
                    if path not in seen:
                        seen.add(path)
                        folders.append(path)
                else:
                    found[path] = partial(self._fetch, run_id, path)
            if len(found) + len(seen) > _MOST_FILES:
                raise errors.SharingError(
                    f"{self._address}: run {run_id} has more than {_MOST_FILES:,} files.",
                    "Leave it out by --filter.",
                    code="server-failed",
                )
        return found

    def _files(self, run_id: str, folder: str) -> Iterator[dict[str, Any]]:
        token, seen = "", set[str]()
        while token not in seen:
            seen.add(token)
            asked = {"run_id": run_id, "path": folder, "page_token": token}
            page = self._client.get(
                f"{_API}/artifacts/list", {name: value for name, value in asked.items() if value}
            )
            yield from dicts(page.get("files"))
            token = str(page.get("next_page_token") or "")

    def _fetch(self, run_id: str, path: str, target: Path) -> None:
        self._client.download("/get-artifact", {"path": path, "run_uuid": run_id}, target)


def _add_datasets(run: RunAtMlflow, each: dict[str, Any]) -> None:
    """Add the datasets of a run, and the ids of its logged models, with a remark on those."""
    (inputs,), (outputs,) = dicts([each.get("inputs") or {}]), dicts([each.get("outputs") or {}])
    for use in dicts(inputs.get("dataset_inputs")):
        (dataset,) = dicts([use.get("dataset") or {}])
        run.datasets.append({"dataset": dataset, "tags": pairs(use.get("tags"))})
    models = [str(model.get("model_id", "")) for model in dicts(outputs.get("model_outputs"))]
    if models:
        run.remarks.append(f"its logged models did not come along from the server: {', '.join(models)}")


def _whole(value: Any) -> int | None:
    """A whole number; the protocol allows a text of one."""
    try:
        return None if value is None else int(value)
    except (ValueError, TypeError, OverflowError):
        return None
