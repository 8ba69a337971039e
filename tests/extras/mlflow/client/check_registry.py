"""Registered models of MLflow and the models of `gitexp model` are the same."""

from __future__ import annotations

import json
import subprocess
import sys

import mlflow
import pytest
from conftest import Repository
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from gitexp.extras.registry import registering, staging
from gitexp.extras.registry.addresses import ModelAddress
from gitexp.extras.registry.registering import RegisterRequest
from gitexp.extras.registry.registry import Registry
from gitexp.extras.registry.values import RegisteredModel
from gitexp.extras.registry.writing import TagOrder
from gitexp.project.project import Project


class Models:
    """The models as `gitexp model` knows them, without a process for each question."""

    def __init__(self, repo: Repository) -> None:
        self._project = Project.open(repo.path)

    def model(self, name: str) -> RegisteredModel:
        return Registry.read(self._project).model(name)

    def versions(self, name: str) -> dict[str, bool]:
        """The versions, the highest first, and whether each is active."""
        return {one.version: one.is_active for one in self.model(name).versions}

    def stages(self, name: str) -> dict[str, str]:
        return {stage: one.version.version for stage, one in self.model(name).stages.items()}

    def register(self, subject: str, name: str, version: str) -> None:
        registering.register(self._project, RegisterRequest(subject, name, version), TagOrder())

    def promote(self, name: str, version: str, stage: str) -> None:
        staging.promote(self._project, ModelAddress(name, version), stage, "", TagOrder())

    def demote(self, name: str, stage: str) -> None:
        staging.demote(self._project, ModelAddress(name), stage, "", TagOrder())

    def deprecate(self, name: str, version: str) -> None:
        staging.deprecate(self._project, ModelAddress(name, version), "", TagOrder())


def logged(repo: Repository, name: str, text: str) -> str:
    """The id of an ended run with the artifact m/model.txt."""
    with mlflow.start_run(run_name=name) as run:
        mlflow.log_text(text, "m/MLmodel")
    return str(run.info.run_id)


def test_what_mlflow_registers_has_tags(client: MlflowClient, repo: Repository) -> None:
    first = logged(repo, "first", "one")
    version = mlflow.register_model(f"runs:/{first}/m", "tree")
    assert version.version == "1"
    assert repo.git("tag", "--list", "tree*") == "tree@v1.0.0"
    with mlflow.start_run(run_name="second") as run:
        mlflow.log_text("two", "m/MLmodel")
        client.create_model_version(
            "tree", f"{run.info.artifact_uri}/m", run.info.run_id, description="better"
        )
        client.set_registered_model_alias("tree", "champion", "2")
        assert repo.git("tag", "--list", "tree*") == "tree@v1.0.0"  # the run goes on
    assert repo.git("tag", "--list", "tree*").split() == ["tree#champion#1", "tree@v1.0.0", "tree@v2.0.0"]
    program = [sys.executable, "-m", "gitexp", "model", "show", "tree#champion", "--json"]
    done = subprocess.run(program, cwd=repo.path, capture_output=True, check=True)
    shown = json.loads(done.stdout)
    assert (shown["version"], shown["path"]) == ("v2.0.0", "m")
    assert shown["note"] == "MLflow version 2\n\nbetter"
    models = Models(repo)
    client.set_registered_model_alias("tree", "champion", "1")
    assert models.stages("tree") == {"champion": "v1.0.0"}
    client.delete_registered_model_alias("tree", "champion")
    assert models.stages("tree") == {}
    client.delete_model_version("tree", "2")
    assert models.versions("tree") == {"v2.0.0": False, "v1.0.0": True}
    third = logged(repo, "third", "three")
    assert (
        client.create_model_version("tree", f"runs:/{third}/m", third).version == "3"
    )  # 2 is not given twice
    client.delete_registered_model("tree")
    assert set(models.versions("tree").values()) == {False}
    with pytest.raises(MlflowException, match="not found"):
        client.get_registered_model("tree")


def test_what_gitexp_registers_has_numbers(client: MlflowClient, repo: Repository) -> None:
    names = {}
    for name in ("alpha", "beta", "gamma"):
        names[name] = logged(repo, name, name)
    models = Models(repo)
    models.register("alpha:m", "net", "0.3.0")
    models.register("beta:m", "net", "1.0.0")
    models.promote("net", "v0.3.0", "prod")
    found = client.search_model_versions("name = 'net'")
    assert [(each.version, each.tags["gitexp.version"]) for each in found] == [
        ("2", "v1.0.0"),
        ("1", "v0.3.0"),
    ]
    assert client.get_model_version_by_alias("net", "prod").run_id == names["alpha"]
    place = client.get_model_version_download_uri("net", "2")
    assert mlflow.artifacts.load_text(f"{place}/MLmodel") == "beta"
    client.set_model_version_tag("net", "1", "checked", "yes")
    client.set_registered_model_alias("net", "prod", "2")
    assert models.stages("net") == {"prod": "v1.0.0"}
    models.demote("net", "prod")
    assert client.get_registered_model("net").aliases == {}
    models.promote("net", "v0.3.0", "prod")
    assert client.get_model_version_by_alias("net", "prod").tags["checked"] == "yes"
    version = client.create_model_version("net", f"runs:/{names['gamma']}/m", names["gamma"])
    assert (version.version, next(iter(models.versions("net")))) == ("3", "v3.0.0")
    models.deprecate("net", "v1.0.0")
    assert sorted(each.version for each in client.search_model_versions("name = 'net'")) == ["1", "3"]


def test_a_name_that_no_tag_can_have_is_for_mlflow_alone(client: MlflowClient, repo: Repository) -> None:
    run = logged(repo, "odd", "odd")
    assert client.create_registered_model("odd name").name == "odd name"
    assert client.create_model_version("odd name", f"runs:/{run}/m", run).version == "1"
    assert [each.name for each in client.search_registered_models()].count("odd name") == 1
    assert repo.git("tag", "--list", "odd*") == ""
