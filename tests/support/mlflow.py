"""MLflow itself, in the environment of its own that `python -m benchmarks.peers` makes."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.peers import MLFLOW, Peer
from tests.support.warm_python import WarmPython, warm

_APART = tempfile.mkdtemp(prefix="gitexp-mlflow-")  # for matplotlib and the like
atexit.register(shutil.rmtree, _APART, ignore_errors=True)

_OTHER = "TEST_MLFLOW_PYTHON"  # the interpreter of another version of MLflow, for make test-newest

ROOT = Path(__file__).parents[2]
_PATIENCE = 120.0  # seconds


def python_of(peer: Peer = MLFLOW) -> Path:
    """The interpreter that has MLflow; the test is left out where there is none."""
    found = Path(os.environ[_OTHER]) if _OTHER in os.environ else peer.python
    if found is None:
        pytest.skip(
            "MLflow is not installed here: python -m benchmarks.peers does that, and so does make test"
        )
    return found


def warm_mlflow() -> WarmPython:
    """MLflow's Python, with what most scripts import."""
    return warm(MLFLOW, python_of())


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that uses MLflow: with this gitexp, quiet, and nothing left at home.

    For each model that is logged MLflow starts another process, which finds out what to install for it. That
    takes as long as all the rest, and is cut short here but for the checks of the client. A server of MLflow
    starts nine processes for jobs, of which no test has any.
    """
    apart = {"XDG_CONFIG_HOME": _APART, "XDG_CACHE_HOME": _APART, "MPLCONFIGDIR": _APART}
    quiet = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    quick = {"MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "0", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    quick |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # the sums are small
    return {**os.environ, "PYTHONPATH": str(ROOT), **apart, **quiet, **quick, **more}


def script(
    folder: Path, *words: str | Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`python WORDS…` on MLflow's Python, in a folder."""
    return warm_mlflow().run(words, folder, environment(**(env or {})))


def run_script(folder: Path, *words: str | Path, env: Mapping[str, str] | None = None) -> str:
    """What `python WORDS…` prints on MLflow's Python, in a folder; it must succeed."""
    done = script(folder, *words, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# What `mlflow server` starts, by its settings, in processes of their own.
_SERVER = """
import sys
import mlflow
if mlflow.__version__ < "2":
    from mlflow.server import app
    app.run(port=int(sys.argv[1]), threaded=True)
else:
    import uvicorn
    uvicorn.run("mlflow.server.fastapi_app:app", port=int(sys.argv[1]))
"""


@contextmanager
def tracking_server(python: WarmPython, folder: Path, log: Path, artifacts: str) -> Iterator[str]:
    """The URL of MLflow's server on the database of a folder. `artifacts` is where new runs keep theirs."""
    port = free_port()
    settings = {"FILE_STORE": "sqlite:///mlflow.db", "ARTIFACT_ROOT": artifacts}
    settings |= {"SERVE_ARTIFACTS": "true", "ARTIFACT_DESTINATION": "./mlartifacts"}
    env = environment(**{f"_MLFLOW_SERVER_{name}": value for name, value in settings.items()})
    with python.running(["-c", _SERVER, str(port)], folder, env, log):
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/health", log)
        yield url


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(url: str, log: Path) -> None:
    """Wait until a server answers."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            assert time.monotonic() < end, log.read_text("utf-8", "replace")
            time.sleep(0.1)
        else:
            return
