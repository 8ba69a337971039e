"""Optuna: `study.optimize(objective, callbacks=[gitexp.callback("optuna")])`, each trial an experiment.

Nothing of Optuna is imported. `gitexp sweep` searches with Optuna by itself.
"""

from __future__ import annotations

from typing import Any

from gitexp.extras.tracking import api


class OptunaCallback:
    """Keeps each trial as an experiment of its own inside the active run, with its params and values.

    Args:
        metric: the name of the objective; of several objectives, a list.
    """

    def __init__(self, metric: str | list[str] = "value") -> None:
        self._metrics = [metric] if isinstance(metric, str) else metric

    def __call__(self, study: Any, trial: Any) -> None:
        outer = api.current_run()
        values = dict(zip(self._metrics, trial.values or (), strict=False))
        with api.start_run(params={"trial": trial.params}, nested=True, tags=["optuna"]) as run:
            for step, value in sorted(trial.intermediate_values.items()):
                run.log({"intermediate": value}, step=step)
            run.log(values)
            run.note(f"trial {trial.number}: {trial.state.name.lower()}")
        if values:
            outer.log({f"trial/{name}": value for name, value in values.items()}, step=trial.number)
