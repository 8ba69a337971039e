"""The examples of MLflow beside Hydra and Hyperopt, as their READMEs say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gitexp.model import Status
from gitexp.project.project import Project
from tests.support.mlflow import ROOT, environment, python_of
from tests.support.repositories import git

EXAMPLES = ROOT / "examples"


def project(name: str, folder: Path) -> Path:
    made = shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for command in (["init", "--quiet", "-b", "main"], ["add", "."], ["commit", "--quiet", "-m", "irises"]):
        git(made, *command)
    return made


def gitexp(folder: Path, *args: str) -> None:
    """Run gitexp with MLflow's Python first on the PATH."""
    path = f"{python_of().parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "gitexp", *args],
        cwd=folder,
        env=environment(PATH=path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(400)
def test_hydra_has_the_configuration_and_mlflow_logs(tmp_path: Path) -> None:
    made = project("hydra-mlflow", tmp_path)
    gitexp(made, "run", "-n", "one", "-S", "model.C=0.1")
    store = Project.open(made).store
    assert store.names() == ["one"]
    record = store.require("one").record
    assert record.metrics[".gitexp/run/summary.json"]["acc"] > 0.8
    assert record.params[".gitexp/run/params.json"] == {"C": 0.1, "max_iter": 300}
    assert record.mlflow["experiment_name"] == "Default"


@pytest.mark.timeout(400)
def test_every_trial_of_hyperopt_is_an_experiment(tmp_path: Path) -> None:
    made = project("hyperopt-mlflow", tmp_path)
    gitexp(made, "run", "--mlflow", "-n", "search", "--", "python", "tune.py")
    records = {one.name: one.record for one in Project.open(made).store.readable()}
    search = records.pop("search")  # MLflow's first run is that of `gitexp run`
    assert len(records) == 6
    assert all(record.parent == "search" and record.status is Status.DONE for record in records.values())
    tried = [record.params[".gitexp/run/params.json"]["C"] for record in records.values()]
    assert search.params[".gitexp/run/params.json"]["best_C"] in tried
