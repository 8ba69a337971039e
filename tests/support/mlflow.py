"""MLflow itself, in the environment of its own that `python -m benchmarks.peers` makes."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.peers import MLFLOW, Peer

_APART = tempfile.mkdtemp(prefix="gitexp-mlflow-")  # for matplotlib and the like
atexit.register(shutil.rmtree, _APART, ignore_errors=True)

_OTHER = "TEST_MLFLOW_PYTHON"  # the interpreter of another version of MLflow, for make test-newest

ROOT = Path(__file__).parents[2]


def python_of(peer: Peer = MLFLOW) -> Path:
    """The interpreter that has MLflow; the test is left out where there is none."""
    found = Path(os.environ[_OTHER]) if _OTHER in os.environ else peer.python
    if found is None:
        pytest.skip(
            "MLflow is not installed here: python -m benchmarks.peers does that, and so does make test"
        )
    return found


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that uses MLflow: with this gitexp, quiet, and nothing left at home.

    For each model that is logged MLflow starts another process, which finds out what to install for it. That
    takes as long as all the rest, and is cut short here but for the checks of the client.
    """
    apart = {"XDG_CONFIG_HOME": _APART, "XDG_CACHE_HOME": _APART, "MPLCONFIGDIR": _APART}
    quiet = {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    quick = {"MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "0"}
    return {**os.environ, "PYTHONPATH": str(ROOT), **apart, **quiet, **quick, **more}


def run_script(folder: Path, *command: str, env: Mapping[str, str] | None = None) -> str:
    """What a command prints that runs on MLflow's Python, in a folder; it must succeed."""
    done = subprocess.run(
        [python_of(), *command],
        cwd=folder,
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
