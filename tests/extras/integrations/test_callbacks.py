"""What training frameworks call, with the real frameworks, in an environment of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest

import gitexp
from benchmarks import peers
from gitexp.model import Record
from gitexp.project.project import Project
from tests.support.warm_python import warm
from tests.support.workspace import Workspace

DATA = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(64, 4)).astype("float32")
y = (X[:, 0] > 0).astype("int64")
"""

KERAS = """
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile(optimizer=keras.optimizers.SGD(0.1), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(X, y, epochs=3, validation_split=0.25, verbose=0, callbacks=[gitexp.callback("keras", log_every=1)])
"""

LIGHTNING = """
import lightning, torch, warnings, logging
warnings.simplefilter("ignore")
class Module(lightning.LightningModule):
    def __init__(self, width):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, number):
        loss = torch.nn.functional.mse_loss(self.layer(batch[0])[:, 0], batch[1].float())
        self.log("loss", loss)
        return loss
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)
rows = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y))
data = torch.utils.data.DataLoader(rows, batch_size=16)
trainer = lightning.Trainer(
    max_epochs=3, logger=gitexp.callback("lightning"), log_every_n_steps=1, accelerator="cpu",
    enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
)
trainer.fit(Module(width=7), data)
"""

TRANSFORMERS = """
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
config = BertConfig(
    hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=16
)
model = BertForSequenceClassification(config)
rows = [{"input_ids": torch.tensor([1, 2, 3]), "labels": torch.tensor(n % 2)} for n in range(8)]
args = TrainingArguments(
    output_dir="out", max_steps=3, logging_steps=1, report_to=[], use_cpu=True, disable_tqdm=True,
    save_strategy="no",
)
Trainer(model=model, args=args, train_dataset=rows, callbacks=[gitexp.callback("transformers")]).train()
"""

XGBOOST = """
import xgboost
data = xgboost.DMatrix(X, y)
xgboost.train(
    {"objective": "binary:logistic", "max_depth": 2, "eta": 0.3}, data, 3, evals=[(data, "train")],
    verbose_eval=False, callbacks=[gitexp.callback("xgboost")],
)
"""

LIGHTGBM = """
import lightgbm
data = lightgbm.Dataset(X, y)
lightgbm.train(
    {"objective": "binary", "num_leaves": 3, "verbose": -1, "min_data_in_leaf": 2}, data, 3,
    valid_sets=[data], valid_names=["train"], callbacks=[gitexp.callback("lightgbm")],
)
"""

SKLEARN = """
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
gitexp.autolog()
LogisticRegression(C=0.5).fit(X, y)
model = make_pipeline(StandardScaler(), LogisticRegression())
GridSearchCV(model, {"logisticregression__C": [0.1, 1]}).fit(X, y)
"""

# The script, what it logs in the table and the steps of the first metric, and a param of the record.
CASES: Mapping[str, tuple[str, str, list[int], str]] = {
    "keras": (KERAS, "val_loss", [0, 1, 2], "keras.optimizer.learning_rate"),
    "lightning": (LIGHTNING, "loss", [*range(12)], "hyperparams.width"),
    "transformers": (TRANSFORMERS, "loss", [1, 2, 3], "training.max_steps"),
    "xgboost": (XGBOOST, "train/logloss", [0, 1, 2], "xgboost.max_depth"),
    "lightgbm": (LIGHTGBM, "train/binary_logloss", [0, 1, 2], "lightgbm.num_leaves"),
    "sklearn": (SKLEARN, "LogisticRegression/training_accuracy", [0], "LogisticRegression.C"),
}


def in_frameworks(repo: Workspace, text: str) -> None:
    """Runs a script in the environment of the frameworks."""
    python = peers.FRAMEWORKS.python
    if python is None:
        pytest.skip("the training frameworks are not installed: python -m benchmarks.peers")
    repo.write("train.py", text)
    repo.allow("files", "out", "out/*", "lightning_logs/*")
    home = {"KERAS_HOME": str(repo.path.parent / "keras"), "HF_HOME": str(repo.path.parent / "hf")}
    done = warm(peers.FRAMEWORKS, python).run(["train.py"], repo.path, {**os.environ, **home})
    assert done.returncode == 0, done.stderr


def records(repo: Workspace) -> list[Record]:
    return [found.record for found in Project.open(repo.path).store.readable()]


def value_at(tree: Mapping[str, Any], path: str) -> Any:
    found: Any = tree
    for part in path.split("."):
        found = found[part]
    return found


@pytest.mark.parametrize("tool", CASES)
def test_a_training_is_one_experiment(repo: Workspace, tool: str) -> None:
    text, metric, steps, param = CASES[tool]
    in_frameworks(repo, f"import gitexp\n{DATA}{text}")
    (record,) = records(repo)
    metrics = record.metrics[".gitexp/run/summary.json"]
    assert isinstance(metrics[metric], float)
    assert value_at(record.params[".gitexp/run/params.json"], param) is not None
    lines = repo.git("cat-file", "blob", f"refs/gitexp/exps/{record.name}:.gitexp/run/series.jsonl")
    found = [line for line in lines.splitlines() if f'"{metric}":' in line]
    assert [int(line.split(",")[0].split(":")[1]) for line in found] == steps


def test_each_trial_of_optuna_is_an_experiment(repo: Workspace) -> None:
    text = """
import gitexp, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(direction="maximize")
objective = lambda trial: -trial.suggest_float("x", -1, 1) ** 2
study.optimize(objective, n_trials=3, callbacks=[gitexp.callback("optuna", metric="score")])
"""
    in_frameworks(repo, text)
    trials = [record for record in records(repo) if record.parent]
    assert len(trials) == 3
    assert {*trials[0].params[".gitexp/run/params.json"]["trial"]} == {"x"}
    assert all("score" in record.metrics[".gitexp/run/summary.json"] for record in trials)


def test_a_tool_that_nobody_has(repo: Workspace) -> None:
    with pytest.raises(gitexp.errors.UsageError, match="no callback called 'nope'"):
        gitexp.callback("nope")
