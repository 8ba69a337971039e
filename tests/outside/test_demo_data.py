"""The project that `gitexp demo` copies: it trains anywhere, repeatably, and its parameters matter."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import gitexp.demo.train

DEMO = Path(gitexp.demo.__file__).parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("iris.csv", "params.yaml"):
        shutil.copy(DEMO / name, tmp_path)
    return tmp_path


def train(project: Path, **changes: str) -> tuple[dict[str, float], str, str]:
    """Metrics, epoch log and output of a run with these changes to the params."""
    params = project / "params.yaml"
    lines = params.read_text().splitlines()
    for key, value in changes.items():
        lines = [f"  {key}: {value}" if line.strip().startswith(f"{key}:") else line for line in lines]
    params.write_text("\n".join(lines))
    output = io.StringIO()
    with contextlib.chdir(project), contextlib.redirect_stdout(output):
        gitexp.demo.train.main()
    metrics = json.loads((project / "metrics.json").read_text())
    return metrics, (project / "logs.csv").read_text(), output.getvalue()


def test_two_runs_give_the_same(project: Path) -> None:
    assert train(project) == train(project)


def test_nothing_needs_to_be_installed(project: Path) -> None:
    shutil.copy(DEMO / "train.py", project)
    without_site_packages = [sys.executable, "-I", "-S", "train.py"]
    subprocess.run(without_site_packages, cwd=project, check=True, capture_output=True)


def test_a_run_tells_how_it_goes(project: Path) -> None:
    metrics, log, output = train(project)
    assert metrics.keys() == {"loss", "acc"}
    assert log.splitlines()[0] == "epoch,train_loss,loss,acc"
    assert len(log.splitlines()) == 61
    assert 5 <= len(output.splitlines()) <= 10


@pytest.mark.parametrize("change", [{"lr": "0.3"}, {"momentum": "0.9"}, {"l2": "1"}, {"epochs": "200"}])
def test_parameters_matter(project: Path, change: dict[str, str]) -> None:
    before, _, _ = train(project)
    after, _, _ = train(project, **change)
    assert abs(before["loss"] - after["loss"]) > 0.02


def test_the_seed_is_another_split(project: Path) -> None:
    before, _, _ = train(project)
    after, _, _ = train(project, seed="1")
    assert before != after


def test_a_better_step_is_visibly_better(project: Path) -> None:
    before, _, _ = train(project)
    after, _, _ = train(project, lr="1")
    assert after["acc"] > before["acc"] + 0.05


def test_no_epochs_is_no_error(project: Path) -> None:
    metrics, _, _ = train(project, epochs="0")
    assert metrics["loss"] == pytest.approx(1.0986)  # log 3: every species as likely


def test_the_data_is_fishers() -> None:
    rows = [line.split(",") for line in (DEMO / "iris.csv").read_text().splitlines()]
    assert rows[0] == ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"]
    assert Counter(row[4] for row in rows[1:]) == {"setosa": 50, "versicolor": 50, "virginica": 50}
    # The two rows that the UCI copy has wrong.
    assert rows[35][:4] == ["4.9", "3.1", "1.5", "0.2"]
    assert rows[38][:4] == ["4.9", "3.6", "1.4", "0.1"]
