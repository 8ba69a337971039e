"""Classify irises: Hydra has the configuration, MLflow logs, and gitexp keeps the exact code."""

from __future__ import annotations

import hydra
import mlflow
from omegaconf import DictConfig, OmegaConf
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split


@hydra.main(version_base=None, config_path="conf", config_name="config")
def train(config: DictConfig) -> None:
    flowers, kinds = load_iris(return_X_y=True)
    x, x_test, y, y_test = train_test_split(
        flowers, kinds, test_size=config.test_size, random_state=config.seed
    )
    with mlflow.start_run() as run:
        mlflow.log_params(OmegaConf.to_container(config.model))
        model = LogisticRegression(C=config.model.C, max_iter=config.model.max_iter).fit(x, y)
        mlflow.log_metric("acc", model.score(x_test, y_test))
        mlflow.log_metric("loss", log_loss(y_test, model.predict_proba(x_test)))
        mlflow.sklearn.log_model(model, name="model", input_example=x[:1])
    print(f"acc {model.score(x_test, y_test):.3f}")
    print(f"to serve it: mlflow models serve -m runs:/{run.info.run_id}/model")


if __name__ == "__main__":
    train()
