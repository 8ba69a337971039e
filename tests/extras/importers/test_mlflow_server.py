"""Servers of MLflow: real ones of two versions, and one that lies."""

from __future__ import annotations

import json
import shutil
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import MLFLOW, TRACKERS, Peer
from gitexp import errors
from gitexp.extras.integrations.importers.foreign import ForeignRun
from gitexp.extras.integrations.importers.importing import ImportedRuns, Request, import_runs
from gitexp.extras.integrations.importers.servers import address, web_client
from gitexp.extras.integrations.mlflow.imports.import_runs import IMPORTER
from gitexp.project.project import Project
from gitexp.testing import runs_of
from tests.extras.importers.conftest import pretending, python_with, say
from tests.support.mlflow import tracking_server
from tests.support.workspace import Workspace


def values_of(run: ForeignRun) -> list[str]:
    """The points of a run as texts, for NaN is not equal to itself."""
    return [f"{point.step} {point.time} {sorted(point.values.items())}" for point in run.points()]


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("version", "peer"), [("newest", MLFLOW), ("oldest", TRACKERS)])
def test_a_server_gives_what_its_database_has(
    repo: Workspace, tmp_path: Path, version: str, peer: Peer, request: pytest.FixtureRequest
) -> None:
    place: Path = request.getfixturevalue(f"{version}_mlflow")
    repo.allow("refs", "refs/gitexp/mlflow")
    with tracking_server(python_with(peer), place, tmp_path / "log", "./mlruns") as url:
        there = [one for one in IMPORTER.read_from(address.parse(url)) if isinstance(one, ForeignRun)]
        for one, same in zip(there, runs_of(IMPORTER, place), strict=True):
            assert (one.id, one.state, one.params, one.tags) == (same.id, same.state, same.params, same.tags)
            assert values_of(one) == values_of(same)
        told = repo.gitexp("import", url)
        assert "runs of MLflow; 1 left out, deleted there." in told.stderr
    store = Project.open(repo.path).store
    assert store.run_file(store.require("first"), "artifacts/notes/a.txt") == b"hello"
    shutil.copytree(place, tmp_path / "copy")
    assert "0 runs of MLflow" in repo.gitexp("import", "mlflow", str(tmp_path / "copy")).stderr


def bring(repo: Workspace, url: str) -> ImportedRuns:
    return import_runs(Project.open(repo.path), IMPORTER, Request("mlflow", address.parse(url)))


def read(url: str) -> list[Any]:
    return list(IMPORTER.read_from(address.parse(url)))


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"<html>", 200, "is no JSON"),
        (b"[1]", 200, "is no object"),
        (b"[" * 100_000, 200, "is no JSON"),
        (b"x" * 2_000, 200, "is larger than 0 MB"),
        (b'{"message": "no \\u001b[31m such thing."}', 404, r"with 404: no  \[31m such thing\."),
        (b"", 302, r"a redirect \(302\), and none is followed"),
        (b"", 401, r"it refuses \(401\)"),
    ],
)
def test_nonsense_of_a_server(body: bytes, status: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if body.startswith(b"x"):
        monkeypatch.setattr(web_client, "LONGEST_ANSWER", 1000)
    with (
        pretending(lambda handler, path, asked: say(handler, body, status, Location="http://e.x/")) as url,
        pytest.raises(errors.SharingError, match=said) as caught,
    ):
        read(url)
    assert url in caught.value.message


def test_a_server_that_lies(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has names that lead out of the folder, a circle of pages, wrong types, and it sees the token."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "verysecret")
    tokens = set()
    run = {
        "info": {"run_id": "a1", "run_name": "one", "start_time": "1000", "status": "FINISHED"},
        "data": {"metrics": [{"key": "loss", "value": "NaN", "timestamp": 1, "step": 2}, 7], "params": 3},
        "inputs": [],
    }

    def answer(handler: BaseHTTPRequestHandler, path: str, asked: Any) -> None:
        tokens.add(handler.headers["Authorization"])
        found: dict[str, Any] = {}
        if "experiments/search" in path:
            found = {"experiments": [{"experiment_id": "1", "name": "x"}], "next_page_token": "again"}
        elif "runs/search" in path:
            found = {"runs": [run, {"info": {}}, None], "next_page_token": "again"}
        elif "get-history" in path:
            values = [{"key": "loss", "value": 0.5, "timestamp": 5, "step": 1}, {"value": "x"}]
            found = {"metrics": values, "next_page_token": "again"}
        elif "artifacts/list" in path:
            names = ("../../out", ".git/config", "/etc/x", "ok.txt")
            found = {"files": [{"path": name} for name in names]}
            found["files"].append({"path": "", "is_dir": True})
        elif "get-artifact" in path:
            say(handler, b"content")
            return
        say(handler, json.dumps(found).encode())

    repo.allow("refs", "refs/gitexp/mlflow")
    with pretending(answer) as url:
        told = bring(repo, url.replace("//", "//ann:secretword@"))
        again = bring(repo, url)
    assert "has no id or no start" in told.warnings[0]
    assert (len(again.experiments), again.known) == (0, 1)
    assert "secret" not in repr(told) + repr(again)
    assert tokens == {"Basic YW5uOnNlY3JldHdvcmQ=", "Bearer verysecret"}
    store = Project.open(repo.path).store
    one = store.require("one")
    assert one.record.metrics[".gitexp/run/summary.json"] == {"loss": 0.5}
    assert store.run_file(one, "artifacts/ok.txt") == b"content"
    assert sum("not stored" in warning for warning in one.record.warnings) == 3


def test_a_file_that_is_cut_short_leaves_its_run_out(repo: Workspace) -> None:
    run = {"info": {"run_id": "a1", "run_name": "one", "start_time": 1000, "status": "FINISHED"}}

    def answer(handler: BaseHTTPRequestHandler, path: str, asked: Any) -> None:
        found: dict[str, Any] = {}
        if "experiments/search" in path:
            found = {"experiments": [{"experiment_id": "1", "name": "x"}]}
        elif "runs/search" in path:
            found = {"runs": [run]}
        elif "artifacts/list" in path:
            found = {"files": [{"path": "a.txt"}]}
        elif "get-artifact" in path:
            say(handler, b"cut", Content_Length="10")
            handler.close_connection = True
            return
        say(handler, json.dumps(found).encode())

    repo.allow("refs", "refs/gitexp/mlflow")
    with pretending(answer) as url:
        told = bring(repo, url)
    assert "not imported: one" in told.warnings[0]
    assert "cut short" in told.warnings[0]
    assert not Project.open(repo.path).store.names()
