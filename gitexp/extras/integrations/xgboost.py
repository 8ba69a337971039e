"""XGBoost: `xgboost.train(..., callbacks=[gitexp.callback("xgboost")])` logs each round's evaluation."""

from __future__ import annotations

import json
from typing import Any

import xgboost

from gitexp.extras.tracking import api


class XgboostCallback(xgboost.callback.TrainingCallback):
    """Logs the metrics of each evaluated set as `<set>/<metric>`, and the learner's configuration."""

    def before_training(self, model: Any) -> Any:
        config = json.loads(model.save_config())
        booster = config.get("learner", {}).get("gradient_booster", {})
        found = {"objective": config["learner"]["objective"]["name"]}
        found |= booster.get("tree_train_param", {})
        api.current_run().log_params({"xgboost": found})
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, dict[str, Any]]) -> bool:
        values = {}
        for name, metrics in evals_log.items():
            for metric, course in metrics.items():
                latest = course[-1]
                # With cross-validation, mean and deviation over the folds.
                values[f"{name}/{metric}"] = latest[0] if isinstance(latest, tuple) else latest
        if values:
            api.current_run().log(values, step=epoch)
        return False  # go on
