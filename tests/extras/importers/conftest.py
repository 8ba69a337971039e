"""Files left by the real tools, made once for all tests."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import MLFLOW, SOURCES, TRACKERS, Peer
from tests.support.warm_python import WarmPython, warm

Make = Callable[[Path, str], None]


QUIET = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "SACRED_NO_GIT": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "AIM_DISABLE_ANALYTICS": "1",
}
MLFLOW_SCRIPT = """
import math, mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("digits")
with mlflow.start_run(run_name="first"):
    mlflow.log_params({"lr": 0.1, "opt": "sgd", "on": True})
    for step in range(20):
        mlflow.log_metrics({"loss": 1 / (step + 1), "acc": step / 20}, step=step)
    mlflow.log_metric("odd", math.nan, step=0)
    mlflow.log_metric("odd", math.inf, step=1)
    mlflow.set_tags({"team": "vision", "mlflow.note.content": "a note"})
    open("a.txt", "w").write("hello")
    mlflow.log_artifact("a.txt", "notes")
    with mlflow.start_run(run_name="inner", nested=True):
        mlflow.log_metric("loss", 3)
try:
    with mlflow.start_run(run_name="bad"):
        raise ValueError
except ValueError:
    pass
with mlflow.start_run(run_name="gone") as gone:
    pass
mlflow.tracking.MlflowClient().delete_run(gone.info.run_id)
if mlflow.__version__ >= "3":
    import numpy
    with mlflow.start_run(run_name="data"):
        mlflow.log_input(mlflow.data.from_numpy(numpy.zeros((3, 2)), name="zeros"), context="training")
        mlflow.initialize_logged_model("net", params={"a": "1"})
"""


def python_with(peer: Peer) -> WarmPython:
    """The Python of a peer; skips where it is not installed."""
    if peer.python is None:
        pytest.skip(f"the tools are not installed here: python -m benchmarks.peers {peer.name} does that")
    return warm(peer, peer.python)


def made_by(peer: Peer, folder: Path, script: str) -> None:
    """Run a script in a folder with the packages of a peer; skips where they are not installed."""
    (folder / "script.py").write_text(script)
    done = python_with(peer).run(["script.py"], folder, {**os.environ, **QUIET, "HOME": str(folder)})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def make() -> Make:
    """Runs a script in a folder, with the packages of the tools; skipped where they are not installed."""

    def run(folder: Path, script: str) -> None:
        made_by(SOURCES, folder, script)

    return run


@pytest.fixture(scope="session")
def make_apart() -> Make:
    """The same with the packages of the tools that need older ones."""

    def run(folder: Path, script: str) -> None:
        made_by(TRACKERS, folder, script)

    return run


@pytest.fixture(scope="session")
def newest_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with mlflow.db and mlruns/ of the newest MLflow."""
    found = tmp_path_factory.mktemp("mlflow-newest")
    made_by(MLFLOW, found, MLFLOW_SCRIPT)
    return found


@pytest.fixture(scope="session")
def oldest_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of the last version 1."""
    found = tmp_path_factory.mktemp("mlflow-oldest")
    made_by(TRACKERS, found, MLFLOW_SCRIPT)
    return found


Answer = Callable[[BaseHTTPRequestHandler, str, Any], None]


def say(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    with contextlib.suppress(OSError):
        handler.wfile.write(body)


@contextmanager
def pretending(answer: Answer) -> Iterator[str]:
    """The URL of a server with answers of ours."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self, self.path, None)

        def do_POST(self) -> None:
            answer(self, self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
