"""A server that takes what `wandb sync` sends: just enough of the interface of Weights & Biases."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class TakenRun:
    """What the server was sent of a run.

    Attributes:
        said: the variables of the mutations, the latest of each name.
        streams: the lines of each stream, such as `wandb-history.jsonl`.
        files: the uploaded files.
        exit_code: the last one said.
    """

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}
        self.streams: dict[str, list[str]] = defaultdict(list)
        self.files: dict[str, bytes] = {}
        self.exit_code: int | None = None

    def history(self) -> list[dict[str, Any]]:
        """The points."""
        return [json.loads(line) for line in self.streams["wandb-history.jsonl"]]


class WandbServer(ThreadingHTTPServer):
    """The server, and by id the runs that it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.runs: dict[str, TakenRun] = defaultdict(TakenRun)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """Connections that the client has dropped are no matter."""


@contextmanager
def running() -> Iterator[WandbServer]:
    """A server for as long as the block takes."""
    with WandbServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WandbServer

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(body)
        if self.path == "/graphql":
            self._answer({"data": self._graphql(asked.get("query", ""), asked.get("variables") or {})})
            return
        run = self.server.runs[
            unquote(self.path.split("/")[4])
        ]  # /files/<entity>/<project>/<run>/file_stream
        for file, stream in (asked.get("files") or {}).items():
            run.streams[file].extend(stream["content"])
        if asked.get("complete"):
            run.exit_code = asked.get("exitcode")
        self._answer({})

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        _, _upload, run, name = self.path.split("/", 3)
        self.server.runs[run].files[unquote(name)] = body
        self._answer({})

    def _graphql(self, query: str, said: dict[str, Any]) -> dict[str, Any]:
        if "upsertBucket" in query:
            run = self.server.runs[said["name"]]
            run.said.update({name: value for name, value in said.items() if value is not None})
            project = {"id": "p", "name": said.get("project") or "p", "entity": {"id": "e", "name": "me"}}
            bucket = {"id": "b", "name": said["name"], "config": "{}", "historyLineCount": 0}
            return {"upsertBucket": {"bucket": {**bucket, "project": project}, "inserted": True}}
        if "createRunFiles" in query:
            files = []
            for name in said["files"]:
                files.append({"name": name, "uploadUrl": f"{self.server.url}/upload/{said['run']}/{name}"})
            return {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": files}}
        return {"viewer": {"id": "v", "entity": "me", "username": "me", "flags": "{}"}, "serverInfo": None}

    def _answer(self, found: dict[str, Any]) -> None:
        text = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
