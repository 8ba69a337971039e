"""A project on a server that answers as wandb's own documented API: there is no real one to ask here."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from gitexp import errors
from gitexp.extras.integrations.importers.foreign import ForeignRun, Unread
from gitexp.extras.integrations.importers.from_wandb.wandb import IMPORTER
from gitexp.extras.integrations.importers.importing import Request, import_runs
from gitexp.extras.integrations.importers.servers import address
from gitexp.model import Status
from gitexp.project.project import Project
from tests.extras.importers.conftest import pretending, say
from tests.support.workspace import Workspace

STEPS = [*range(1500), 1_000_000, 1_000_001]
NODE = {
    "name": "abc",
    "displayName": "wide",
    "tags": ["base"],
    "state": "finished",
    "config": json.dumps({"lr": {"value": 0.1, "desc": None}, "_wandb": {"value": {}}}),
    "group": "first",
    "createdAt": "2024-05-01T10:00:00",
    "heartbeatAt": "2024-05-01T10:01:00Z",
    "notes": "a note",
    "summaryMetrics": json.dumps({"loss": 0.25, "best": 0.2, "_step": 9, "picture": {"_type": "image-file"}}),
    "historyLineCount": len(STEPS),
    "historyKeys": {"lastStep": STEPS[-1]},
    "user": {"username": "ann"},
}
FILES_HOST = ""  # "": the server itself
FILES = {"output.log": b"printed", "model.pt": b"weights", "../out": b"x", "config.yaml": b""}


class Cloud:
    """The answers of a server, the keys it has seen, and the number of questions for history."""

    def __init__(self) -> None:
        self.keys: set[str | None] = set()
        self.histories = 0
        self.node: dict[str, Any] = dict(NODE)

    def __call__(self, handler: BaseHTTPRequestHandler, path: str, asked: Any) -> None:
        if path.startswith("/files/"):
            say(handler, FILES[path.removeprefix("/files/").partition("?")[0]])
            return
        self.keys.add(handler.headers["Authorization"])
        variables = asked["variables"]
        if variables["project"] != "digits":
            say(handler, json.dumps({"data": {"project": None}, "errors": [{"message": "no"}]}).encode())
            return
        host = FILES_HOST or f"http://{handler.headers['Host']}"
        found: dict[str, Any] = {}
        if asked["query"].startswith("query Runs("):
            last = variables["cursor"] == "2"
            node = {**self.node, "name": "def", "displayName": "deep", "state": "crashed"}
            page = {"endCursor": "2", "hasNextPage": not last}
            found = {"runs": {"edges": [{"node": node if last else self.node}], "pageInfo": page}}
        elif asked["query"].startswith("query RunFiles("):
            edges = [{"node": {"name": name, "directUrl": f"{host}/files/{name}?x=1"}} for name in FILES]
            found = {"run": {"files": {"edges": edges, "pageInfo": {"hasNextPage": False}}}}
        else:
            self.histories += 1
            steps = [at for at in STEPS if variables["minStep"] <= at < variables["maxStep"]]
            lines = [{"_step": at, "_timestamp": 5.5, "loss": 1 / (at + 1), "word": "x"} for at in steps]
            thin = lines[: variables["pageSize"]]
            found = {"run": {"history": [json.dumps(line) for line in thin]}}
        say(handler, json.dumps({"data": {"project": found}}).encode())


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "verysecret")


def test_everything_comes_along(repo: Workspace) -> None:
    cloud = Cloud()
    with pretending(cloud) as url:
        place = address.parse(f"{url}/ann/digits")
        first, second = (one for one in IMPORTER.read_from(place) if isinstance(one, ForeignRun))
        points = list(first.points())
        done = import_runs(Project.open(repo.path), IMPORTER, Request("wandb", place))
        again = import_runs(Project.open(repo.path), IMPORTER, Request("wandb", place))
    assert [point.step for point in points] == STEPS
    assert points[3].values == {"loss": 0.25}
    assert cloud.histories < 100  # a hole of a million steps is no thousand questions
    assert (first.name, first.status, second.status) == ("wide", Status.DONE, Status.INTERRUPTED)
    assert (first.params, first.metrics) == ({"lr": 0.1}, {"loss": 0.25, "best": 0.2})
    assert (first.tags, first.note, first.group, first.user) == (("base",), "a note", "first", "ann")
    assert first.finished is not None
    assert first.created == first.finished - 60
    assert [one.name for one in done.experiments] == ["wide", "deep"]
    assert again.known == 2
    assert "verysecret" not in repr(done)
    store = Project.open(repo.path).store
    assert store.run_file(store.require("wide"), "output.log") == b"printed"
    assert store.run_file(store.require("wide"), "artifacts/model.pt") == b"weights"
    assert any(
        "not stored" in warning and "../out" in warning for warning in done.experiments[0].record.warnings
    )


def test_what_a_server_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud()
    with pretending(cloud) as url:
        with pytest.raises(errors.SharingError, match="no project ann/other, or does not let you: no"):
            list(IMPORTER.read_from(address.parse(f"{url}/ann/other")))
        with pytest.raises(errors.UsageError, match="names no project"):
            list(IMPORTER.read_from(address.parse(url)))
        cloud.node = {"name": None}
        (first, _) = IMPORTER.read_from(address.parse(f"{url}/ann/digits"))
        assert isinstance(first, Unread)
        monkeypatch.delenv("WANDB_API_KEY")
        with pytest.raises(errors.UsageError, match="WANDB_API_KEY is not set"):
            list(IMPORTER.read_from(address.parse(f"{url}/ann/digits")))
    assert IMPORTER.finds_on(address.parse("https://wandb.ai/ann/digits"))
    assert not IMPORTER.finds_on(address.parse("https://example.com/ann/digits"))


def test_the_key_goes_to_no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud()
    seen: list[str | None] = []

    def elsewhere(handler: BaseHTTPRequestHandler, path: str, asked: Any) -> None:
        seen.append(handler.headers["Authorization"])
        say(handler, b"x")

    with pretending(elsewhere) as other, pretending(cloud) as url:
        place = address.parse(f"{url}/ann/digits")
        monkeypatch.setattr("tests.extras.importers.test_wandb_server.FILES_HOST", other)
        found = list(IMPORTER.read_from(place))
    assert all(isinstance(one, Unread) and "begins with https" in one.why for one in found)
    assert not seen
