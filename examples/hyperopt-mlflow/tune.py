"""Hyperopt looks for the best regularisation; every trial is an MLflow run, and so an experiment."""

from __future__ import annotations

import mlflow
import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

FLOWERS, KINDS = load_iris(return_X_y=True)
TRIALS = 6


def objective(point: dict[str, float]) -> dict[str, object]:
    with mlflow.start_run(nested=True):
        mlflow.log_params(point)
        acc = cross_val_score(LogisticRegression(C=point["C"], max_iter=300), FLOWERS, KINDS).mean()
        mlflow.log_metric("acc", acc)
    return {"loss": -acc, "status": STATUS_OK}


if __name__ == "__main__":
    with mlflow.start_run(run_name="search"):
        best = fmin(
            objective,
            {"C": hp.loguniform("C", -6, 3)},
            algo=tpe.suggest,
            max_evals=TRIALS,
            trials=Trials(),
            rstate=np.random.default_rng(0),
            show_progressbar=False,
        )
        mlflow.log_params({f"best_{name}": value for name, value in best.items()})
