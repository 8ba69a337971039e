"""LightGBM: `lightgbm.train(..., callbacks=[gitexp.callback("lightgbm")])` logs each round's evaluation.

LightGBM takes any function: nothing of it is imported.
"""

from __future__ import annotations

from typing import Any

from gitexp.extras.tracking import api


class LightgbmCallback:
    """Logs the metrics of each evaluated set as `<set>/<metric>`, and the parameters of training."""

    order = 15  # after LightGBM's own record of evaluations, before early stopping

    def __call__(self, env: Any) -> None:
        run = api.current_run()
        if env.iteration == env.begin_iteration:
            run.log_params({"lightgbm": env.params})
        values = {}
        for name, metric, value, *_ in env.evaluation_result_list or ():
            values[f"{name}/{metric}"] = value
        if values:
            run.log(values, step=env.iteration)
