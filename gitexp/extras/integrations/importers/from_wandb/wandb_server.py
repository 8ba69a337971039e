"""Runs of a project on a server of Weights & Biases, by the queries of wandb's own public API.

The queries are those of `wandb/apis/public/runs.py` and `files.py`; the history comes by `HistoryPage`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gitexp import errors
from gitexp.extras.integrations.importers import folder_files, iso_times
from gitexp.extras.integrations.importers.foreign import Download, ForeignRun, Read, Unread
from gitexp.extras.integrations.importers.from_wandb.wandb_records import numbers_in
from gitexp.extras.integrations.importers.servers import address
from gitexp.extras.integrations.importers.servers.address import ServerAddress
from gitexp.extras.integrations.importers.servers.web_client import WebClient, basic
from gitexp.files.lines.series import LoggedPoint
from gitexp.model import Status
from gitexp.named_tuple import NamedTuple

_RUNS = """query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50) {
  project(name: $project, entityName: $entity) {
    runs(after: $cursor, first: $perPage, order: "+created_at") {
      edges { node { name displayName tags state config group sweepName jobType commit createdAt heartbeatAt
        notes summaryMetrics historyLineCount historyKeys user { username } } }
      pageInfo { endCursor hasNextPage } } } }"""
_HISTORY = """query HistoryPage($entity: String!, $project: String!, $run: String!, $minStep: Int64!,
    $maxStep: Int64!, $pageSize: Int!) {
  project(name: $project, entityName: $entity) { run(name: $run) {
    history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) } } }"""
_FILES = """query RunFiles($project: String!, $entity: String!, $name: String!, $fileCursor: String,
    $fileLimit: Int = 50) {
  project(name: $project, entityName: $entity) { run(name: $name) {
    files(after: $fileCursor, first: $fileLimit) {
      edges { node { name directUrl } } pageInfo { endCursor hasNextPage } } } } }"""
_PAGE = 1000  # steps of a page; the server thins out what is longer
_CLOUD, _CLOUD_API = "wandb.ai", "api.wandb.ai"
_STATUSES = {"finished": Status.DONE, "failed": Status.FAILED}
_LOG, _PATCH, _PACKAGES = "output.log", "diff.patch", "requirements.txt"
_OWN = frozenset({_LOG, _PATCH, _PACKAGES, "config.yaml", "wandb-metadata.json", "wandb-summary.json"})


class _ProjectName(NamedTuple):
    """A project of wandb's."""

    entity: str
    project: str


def is_there(server: ServerAddress) -> bool:
    """Whether an address is of wandb's cloud, or of the server in WANDB_BASE_URL."""
    return server.host in (_CLOUD, urlsplit(os.environ.get("WANDB_BASE_URL", "")).hostname)


def read(server: ServerAddress) -> Iterator[Read]:
    """Yield the runs of a project, the oldest first. Raises UsageError and SharingError."""
    parts = server.path.strip("/").split("/")
    key = os.environ.get("WANDB_API_KEY", "")
    if len(parts) != 2 or not all(parts):
        raise errors.UsageError(
            f"{server} names no project.", "Give one: gitexp import wandb https://wandb.ai/ENTITY/PROJECT"
        )
    if not key:
        raise errors.UsageError(
            "WANDB_API_KEY is not set, and wandb's server wants a key.",
            "https://wandb.ai/authorize shows yours; or import the folder: gitexp import wandb ./wandb",
        )
    host = _CLOUD_API if server.host == _CLOUD else server.host
    api = ServerAddress(server.scheme, host, server.port)
    yield from _WandbProject(api, _ProjectName(*parts), WebClient(api, basic("api", key))).runs()


class _WandbProject:
    """A project on a server."""

    def __init__(self, server: ServerAddress, name: _ProjectName, client: WebClient) -> None:
        self._server = server
        self._name = name
        self._client = client

    def runs(self) -> Iterator[Read]:
        """Yield the runs."""
        cursor: str | None = None
        seen: set[str | None] = set()
        while cursor not in seen:  # a server could lead in a circle
            seen.add(cursor)
            project = self._ask(_RUNS, {"cursor": cursor})
            for node in _nodes(project.get("runs")):
                yield self._run(node)
            cursor = _next(project.get("runs"), cursor)

    def _ask(self, query: str, more: Mapping[str, Any]) -> dict[str, Any]:
        """The answer about the project. Raises SharingError."""
        variables = {"entity": self._name.entity, "project": self._name.project, **more}
        answer = self._client.post("/graphql", {"query": query, "variables": variables})
        found = _map(_map(answer.get("data")).get("project"))
        if not found:
            said = answer.get("errors")
            words = str(_map(said[0]).get("message", "")) if isinstance(said, list) and said else ""
            plain = "".join(letter if letter.isprintable() else " " for letter in words[:200])
            name = "/".join(self._name)
            raise errors.SharingError(
                f"{self._server}: it has no project {name}, or does not let you{plain and f': {plain}'}.",
                "Check the address and WANDB_API_KEY.",
                code="server-failed",
            )
        return found

    def _run(self, node: dict[str, Any]) -> Read:
        run_id, state = str(node.get("name") or ""), str(node.get("state"))
        if not run_id:
            return Unread(str(self._server), "a run has no id")
        try:
            urls = self._urls(run_id)
            texts = {name: self._text(urls, name) for name in (_LOG, _PATCH, _PACKAGES)}
        except (errors.SharingError, OSError) as error:
            return Unread(f"run {run_id}", folder_files.reason(error))
        summary = _json(node.get("summaryMetrics"))
        last = _map(node.get("historyKeys")).get("lastStep")
        return ForeignRun(
            id=f"{self._server.host}/{'/'.join(self._name)}/{run_id}",
            status=_STATUSES.get(state, Status.INTERRUPTED),
            state=f"{state} {node.get('historyLineCount')} {node.get('heartbeatAt')}",
            name=str(node.get("displayName") or run_id),
            created=iso_times.seconds(node.get("createdAt")),
            finished=iso_times.seconds(node.get("heartbeatAt")),
            params=_config(node.get("config")),
            metrics=numbers_in(summary),
            points=partial(self._points, run_id, last if isinstance(last, int) else 0),
            tags=tuple(str(tag) for tag in node.get("tags") or () if isinstance(tag, str)),
            note=str(node.get("notes") or ""),
            group=str(node.get("group") or node.get("sweepName") or ""),
            user=str(_map(node.get("user")).get("username") or ""),
            commit=str(node.get("commit") or ""),
            patch=texts[_PATCH],
            downloads=partial(self._downloads, urls),
            log=texts[_LOG],
            environment=texts[_PACKAGES].decode("utf-8", "replace"),
            facts={"wandb": {"run": run_id, "project": self._name.project, "entity": self._name.entity}},
            remarks=("use of the machine does not come from wandb's server",),
        )

    def _points(self, run_id: str, last: int) -> Iterator[LoggedPoint]:
        """Yield the points. Raises SharingError."""
        start, width = 0, _PAGE
        while start <= last:
            page = {"run": run_id, "minStep": start, "maxStep": start + width, "pageSize": _PAGE}
            rows = _map(self._ask(_HISTORY, page).get("run")).get("history")
            rows = rows if isinstance(rows, list) else []
            if len(rows) >= _PAGE and width > _PAGE:  # the server may have thinned them out
                width = max(_PAGE, width // 2)
                continue
            for row in rows:
                point = _point(_json(row))
                if point is not None:
                    yield point
            start += width
            if len(rows) < _PAGE // 4:
                width *= 2

    def _urls(self, run_id: str) -> dict[str, str]:
        """The addresses of the files of a run, by name."""
        found: dict[str, str] = {}
        cursor: str | None = None
        seen: set[str | None] = set()
        while cursor not in seen:
            seen.add(cursor)
            files = _map(self._ask(_FILES, {"name": run_id, "fileCursor": cursor}).get("run")).get("files")
            for node in _nodes(files):
                found[str(node.get("name"))] = str(node.get("directUrl") or "")
            cursor = _next(files, cursor)
        return found

    def _text(self, urls: Mapping[str, str], name: str) -> bytes:
        """A file of the run; b"" for none. Raises SharingError, and OSError for one that is too large."""
        if name not in urls:
            return b""
        client, path = self._client_of(urls[name])
        found = client.content(path, folder_files.LONGEST + 1)
        if len(found) > folder_files.LONGEST:
            raise folder_files.too_large(name)
        return found

    def _downloads(self, urls: Mapping[str, str]) -> dict[str, Download]:
        found: dict[str, Download] = {}
        for name, url in urls.items():
            if name not in _OWN:
                found[name] = partial(self._fetch, url)
        return found

    def _fetch(self, url: str, target: Path) -> None:
        client, path = self._client_of(url)
        client.download(path, {}, target)

    def _client_of(self, url: str) -> tuple[WebClient, str]:
        """The client for the address of a file, without the key for any other server, and the path."""
        parts = urlsplit(url)
        own = str(self._server).removesuffix("/")
        if f"{parts.scheme}://{parts.netloc}" == own:
            client = self._client
        elif parts.scheme == "https" and parts.hostname:
            client = WebClient(address.parse(f"https://{parts.netloc}"), {})
        else:
            raise errors.SharingError(
                f"{self._server}: a file has no address that begins with https.",
                "Import the folder: gitexp import wandb ./wandb",
                code="server-failed",
            )
        return client, parts.path + (f"?{parts.query}" if parts.query else "")


def _point(row: dict[str, Any]) -> LoggedPoint | None:
    """The point of a line of the history; None for a line without a step or without numbers."""
    step, time, values = row.get("_step"), row.get("_timestamp"), numbers_in(row)
    if not isinstance(step, int) or isinstance(step, bool) or not values:
        return None
    return LoggedPoint(step, float(time) if isinstance(time, int | float) else 0.0, values)


def _config(text: Any) -> dict[str, Any]:
    """The params: each value stands in a map, and names with an underscore are wandb's own."""
    found = {}
    for name, value in _json(text).items():
        if not name.startswith("_"):
            found[name] = value["value"] if isinstance(value, dict) and "value" in value else value
    return found


def _json(text: Any) -> dict[str, Any]:
    """The object in a text of JSON."""
    if isinstance(text, dict):
        return text
    try:
        return _map(json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return {}


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _nodes(connection: Any) -> list[dict[str, Any]]:
    """The nodes of a page."""
    edges = _map(connection).get("edges")
    return [_map(_map(edge).get("node")) for edge in edges] if isinstance(edges, list) else []


def _next(connection: Any, now: str | None) -> str | None:
    """The place of the next page; the present one at the end."""
    page = _map(_map(connection).get("pageInfo"))
    return str(page["endCursor"]) if page.get("hasNextPage") and page.get("endCursor") else now
