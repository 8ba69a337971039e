"""Storages of Optuna, made by the real Optuna."""

from __future__ import annotations

import math
from pathlib import Path

import optuna
import pytest

from gitexp.extras.integrations.importers.optuna_storage import IMPORTER, OptunaStorage
from gitexp.model import Status
from gitexp.testing import ImporterContract, runs_of


def objective(trial: optuna.Trial) -> float:
    """Reports five values, is pruned or fails as its number says."""
    lr = trial.suggest_float("lr", 0.01, 1, log=True)
    depth = trial.suggest_int("depth", 1, 5)
    name = trial.suggest_categorical("name", ["sgd", "adam"])
    for step in range(5):
        trial.report(lr / (step + 1), step)
    trial.set_user_attr("name", name)
    if trial.number == 1:
        raise optuna.TrialPruned
    if trial.number == 2:
        raise ValueError("too bad")
    return math.inf if trial.number == 3 else lr * depth


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("optuna") / "optuna.db"
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    study = optuna.create_study(study_name="digits", storage=f"sqlite:///{file}")
    study.optimize(objective, n_trials=5, catch=(ValueError,))
    study.enqueue_trial({"lr": 0.5})
    return file


class TestOptuna(ImporterContract):
    @pytest.fixture
    def importer(self) -> OptunaStorage:
        return IMPORTER

    @pytest.fixture
    def place(self, storage: Path) -> Path:
        return storage


def test_trials_are_as_optuna_has_them(storage: Path) -> None:
    runs = runs_of(IMPORTER, storage)
    study = optuna.load_study(study_name="digits", storage=f"sqlite:///{storage}")
    assert len(runs) == 5
    for run, trial in zip(runs, study.trials, strict=False):
        assert run.params == trial.params
        assert [point.values["intermediate"] for point in run.points()] == list(
            trial.intermediate_values.values()
        )
        assert list(run.metrics.values()) == (trial.values or [])
        assert trial.datetime_start is not None
        assert run.created == trial.datetime_start.timestamp()
    assert [run.status for run in runs] == [
        *(Status.DONE, Status.INTERRUPTED, Status.FAILED, Status.DONE, Status.DONE)
    ]
