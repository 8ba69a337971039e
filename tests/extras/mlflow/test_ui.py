"""MLflow's UI in a real browser, and its server of models, on experiments of MLflow's and of gitexp's."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.experiments import copy_of
from tests.support.mlflow import environment, free_port, python_of, run_script, wait_for, warm_mlflow

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM to a group of processes")

_XDG = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

SCRIPT = """
import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

mlflow.autolog(silent=True)
with mlflow.start_run(run_name="by-mlflow") as run:
    LogisticRegression(max_iter=300).fit(*load_iris(return_X_y=True))
    for step in range(20):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_text("a note", "notes/a.txt")
print(run.info.run_id)
"""
PLAIN = """
import gitexp

for step in range(10):
    gitexp.log({"loss": 2 / (step + 1)})
"""


@contextmanager
def server(folder: Path, words: list[str], path: str, log: Path) -> Iterator[str]:
    """The URL of a server of MLflow's that has answered once, and is ended with all its processes."""
    programs = f"{python_of().parent}{os.pathsep}{os.environ['PATH']}"
    env = environment(MLFLOW_TRACKING_URI="gitexp:", PATH=programs)
    port = free_port()
    with warm_mlflow().running(["-m", *words, "--port", str(port)], folder, env, log):
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}{path}", log)
        yield url


def ask(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text.startswith((b"{", b"[")) else text


def text_of(url: str, folder: Path) -> str:
    """What a page shows in a real browser."""
    assert BROWSER is not None
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'browser'}"]
    options += ["--window-size=1600,1200", "--virtual-time-budget=30000", "--dump-dom"]
    home = {name: str(folder) for name in ("HOME", *_XDG)}
    done = subprocess.run(
        [BROWSER, *options, url],
        env={**os.environ, **home},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    return re.sub(r"<style.*?</style>|<script.*?</script>|<[^>]+>", " ", done.stdout, flags=re.DOTALL)


class Trained(NamedTuple):
    """A repository with a run of MLflow's that has logged a model, and a run of gitexp's."""

    path: Path
    run_id: str


@pytest.fixture(scope="module")
def trained(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    repo = copy_of(template, tmp_path_factory.mktemp("trained"))
    repo.write("train.py", SCRIPT)
    run_id = run_script(repo.path, "train.py", env={"MLFLOW_TRACKING_URI": "gitexp:"}).strip()
    repo.write("plain.py", PLAIN)
    repo.gitexp("run", "-q", "-n", "by-gitexp", "--", "python", "plain.py")
    yield Trained(repo.path, run_id)
    repo.close()


@pytest.mark.timeout(600)
def test_the_ui(trained: Trained, tmp_path: Path) -> None:
    run_id = trained.run_id
    log = tmp_path / "ui.log"
    with server(trained.path, ["gitexp", "mlflow", "ui"], "/health", log) as url:
        api = f"{url}/ajax-api/2.0/mlflow"
        found = ask(f"{api}/runs/search", {"experiment_ids": ["0"], "max_results": 100})["runs"]
        by_name = {run["info"]["run_name"]: run for run in found}
        assert set(by_name) == {"by-mlflow", "by-gitexp"}
        other = by_name["by-gitexp"]["info"]["run_id"]
        curves = ask(
            f"{api}/metrics/get-history-bulk-interval?run_ids={run_id}&run_ids={other}&metric_key=loss"
        )
        assert len(curves["metrics"]) == 30
        assert ask(f"{url}/get-artifact?path=notes/a.txt&run_uuid={run_id}") == b"a note"
        if BROWSER is not None:
            home = f"{url}/#"
            table = text_of(f"{home}/experiments/0/runs", tmp_path)
            assert "by-mlflow" in table
            assert "by-gitexp" in table
            page = text_of(f"{home}/experiments/0/runs/{run_id}", tmp_path)
            assert "training_accuracy_score" in page
            assert "load error" not in table + page
    told = log.read_text("utf-8", "replace")
    assert "Traceback" not in told
    assert not re.search(r'" 50\d ', told), told
    if BROWSER is None:
        pytest.skip("there is no Chromium here: the pages were not looked at")


@pytest.mark.timeout(600)
def test_a_logged_model_is_served(trained: Trained, tmp_path: Path) -> None:
    words = ["mlflow", "models", "serve", "-m", f"runs:/{trained.run_id}/model"]
    words += ["--env-manager", "local", "--workers", "1"]
    with server(trained.path, words, "/health", tmp_path / "serve.log") as url:
        told = ask(f"{url}/invocations", {"inputs": [[5.1, 3.5, 1.4, 0.2]]})
    assert told == {"predictions": [0]}
