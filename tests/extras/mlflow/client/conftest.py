"""A repository for MLflow's client, the same for all checks of a module: importing MLflow takes seconds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from gitexp.project.project import Project


class Repository:
    """A repository with a script, and what Git and gitexp say of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.uri = f"gitexp://{path}"

    def git(self, *args: str) -> str:
        """What Git prints."""
        done = subprocess.run(["git", *args], cwd=self.path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def record(self, name: str) -> object:
        """The record of an experiment."""
        return Project.open(self.path).store.require(name).record


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    path = tmp_path_factory.mktemp("repo")
    made = Repository(path)
    made.git("init", "--quiet", "-b", "main")
    (path / "train.py").write_text("print('one')\n")
    made.git("add", "--all")
    made.git("-c", "user.name=Ada", "-c", "user.email=ada@test.invalid", "commit", "--quiet", "-m", "one")
    before = Path.cwd()
    os.chdir(path)
    mlflow.set_tracking_uri(made.uri)
    yield made
    while mlflow.active_run():
        mlflow.end_run()
    os.chdir(before)


@pytest.fixture
def client(repo: Repository) -> MlflowClient:
    return MlflowClient(repo.uri)


@pytest.fixture
def experiment(client: MlflowClient, request: pytest.FixtureRequest) -> str:
    """The id of an experiment of this check alone."""
    return client.create_experiment(request.node.name)
