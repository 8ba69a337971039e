"""Autologging with default settings, logged models, datasets, and the registry."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest
from conftest import Repository
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

FLOWERS, KINDS = load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def fitted(repo: Repository) -> Run:
    """The run that `mlflow.autolog()` makes of one call of `fit`."""
    mlflow.autolog(silent=True)
    try:
        LogisticRegression(max_iter=300).fit(FLOWERS, KINDS)
    finally:
        mlflow.autolog(disable=True, silent=True)
    return mlflow.last_active_run()


def test_autolog_logs_params_metrics_a_dataset_and_a_model(repo: Repository, fitted: Run) -> None:
    assert fitted.data.params["max_iter"] == "300"
    assert fitted.data.metrics["training_accuracy_score"] > 0.9
    assert fitted.inputs.dataset_inputs[0].dataset.digest
    record = repo.record(fitted.data.tags["gitexp.name"])
    assert record.params[".gitexp/run/params.json"]["max_iter"] == 300
    assert record.status == "done"


def test_the_logged_model_is_found_and_loaded(client: MlflowClient, fitted: Run) -> None:
    (output,) = fitted.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert (model.source_run_id, model.status) == (fitted.info.run_id, "READY")
    assert model.params["max_iter"] == "300"
    assert {metric.key: metric.value for metric in model.metrics}["training_score"] > 0.9
    for uri in (f"runs:/{fitted.info.run_id}/model", f"models:/{output.model_id}"):
        assert mlflow.sklearn.load_model(uri).score(FLOWERS, KINDS) > 0.9
    found = client.search_logged_models(["0"], filter_string="metrics.training_score > 0.9")
    assert output.model_id in [each.model_id for each in found]
    client.set_logged_model_tags(output.model_id, {"kept": "yes"})  # long after the run
    client.delete_logged_model_tag(output.model_id, "kept")
    assert "kept" not in client.get_logged_model(output.model_id).tags


def test_a_model_that_no_run_has_logged(client: MlflowClient) -> None:
    model = client.create_logged_model("0", name="alone", tags={"a": "1"}, params={"depth": "3"})
    assert (model.source_run_id, model.status) == (None, "PENDING")
    client.finalize_logged_model(model.model_id, "READY")
    found = client.get_logged_model(model.model_id)
    assert (found.status, found.tags, found.params) == ("READY", {"a": "1"}, {"depth": "3"})
    client.delete_logged_model(model.model_id)
    with pytest.raises(MlflowException, match="not found"):
        client.get_logged_model(model.model_id)


def test_registered_models(client: MlflowClient, fitted: Run) -> None:
    version = mlflow.register_model(f"models:/{fitted.outputs.model_outputs[0].model_id}", "iris")
    assert (version.version, version.run_id) == ("1", fitted.info.run_id)
    client.create_model_version("iris", f"{fitted.info.artifact_uri}/model", fitted.info.run_id, {"t": "1"})
    client.set_registered_model_alias("iris", "champion", "1")
    assert mlflow.sklearn.load_model("models:/iris@champion").score(FLOWERS, KINDS) > 0.9
    assert mlflow.sklearn.load_model("models:/iris/1").score(FLOWERS, KINDS) > 0.9
    client.update_model_version("iris", "1", "the first")
    client.set_model_version_tag("iris", "2", "good", "no")
    client.set_registered_model_tag("iris", "team", "vision")
    client.update_registered_model("iris", "flowers")
    found = client.get_registered_model("iris")
    assert (found.description, found.tags, found.aliases) == (
        "flowers",
        {"team": "vision"},
        {"champion": "1"},
    )
    assert [each.version for each in client.search_model_versions("name = 'iris'")] == ["2", "1"]
    client.delete_model_version("iris", "2")
    with pytest.raises(MlflowException, match="not found"):
        client.get_model_version("iris", "2")
    with pytest.raises(MlflowException, match="already exists"):
        client.create_registered_model("iris")
    client.rename_registered_model("iris", "flowers iris")
    assert client.get_model_version_by_alias("flowers iris", "champion").description == "the first"
    client.delete_registered_model("flowers iris")
    assert client.search_registered_models() == []


def test_datasets(client: MlflowClient, repo: Repository) -> None:
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_numpy(FLOWERS, name="flowers"), context="training")
    (given,) = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
    assert (given.dataset.name, given.tags[0].value) == ("flowers", "training")
    found = client._tracking_client.store._search_datasets(["0"])
    assert "flowers" in [each.name for each in found]


def test_large_files_go_into_the_store(repo: Repository, tmp_path: Path) -> None:
    (repo.path / "gitexp.yaml").write_text("max_untracked: 1 MB\n")
    (tmp_path / "weights.bin").write_bytes(bytes(3 << 20))
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(tmp_path / "weights.bin"))
    (listed,) = mlflow.MlflowClient().list_artifacts(run.info.run_id)
    assert (listed.path, listed.file_size) == ("weights.bin", 3 << 20)
    got = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="weights.bin")
    assert Path(got).stat().st_size == 3 << 20
    (repo.path / "gitexp.yaml").unlink()


def test_lightgbm_logs_by_itself(repo: Repository) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    mlflow.lightgbm.autolog(log_models=False, silent=True)
    data = lightgbm.Dataset(FLOWERS, KINDS)
    with mlflow.start_run() as run:
        lightgbm.train({"objective": "multiclass", "num_class": 3, "verbose": -1}, data, 3, valid_sets=[data])
    mlflow.lightgbm.autolog(disable=True, silent=True)
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "training-multi_logloss")
    assert {each.step for each in history} == {0, 1, 2}
