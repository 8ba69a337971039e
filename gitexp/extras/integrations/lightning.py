"""PyTorch Lightning: `Trainer(logger=gitexp.callback("lightning"))` logs what the module logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from gitexp.extras.tracking import api
from gitexp.extras.tracking.run import Run


class LightningLogger(Logger):
    """A logger of Lightning that logs into the active run, from the first process alone."""

    @property
    def name(self) -> str:
        return "gitexp"

    @property
    def version(self) -> str:
        return self.experiment.name or "0"

    @property
    @rank_zero_experiment
    def experiment(self) -> Run:
        return api.current_run()

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        api.current_run().log_params({"hyperparams": params})

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        # Lightning adds the epoch to whatever is logged.
        values = {name: value for name, value in metrics.items() if name != "epoch"}
        if values:
            api.current_run().log(values, step)
