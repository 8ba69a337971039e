"""scikit-learn: after `gitexp.autolog()` every `fit` of the script logs the estimator's params and scores."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

from sklearn import metrics
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import all_estimators

from gitexp.extras.tracking import api

_inside = threading.local()  # whether this thread is in a `fit` that is logged: its inner ones are not
_counts: dict[str, int] = {}  # fits by the name of the estimator
_is_on = False


def autolog() -> None:
    """Log the fits of scikit-learn's estimators; a search or a pipeline counts as one, whatever it fits."""
    global _is_on
    if _is_on:
        return
    _is_on = True
    classes: dict[Any, None] = {}
    for _, estimator in all_estimators():
        classes.update(dict.fromkeys(estimator.__mro__))  # many have the `fit` of a class above
    for each in classes:
        if "fit" in vars(each) and each.__module__.startswith("sklearn."):
            each.fit = _logged(each.fit)


def _logged(fit: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fit)
    def logged_fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(_inside, "fit", False):
            return fit(self, *args, **kwargs)
        _inside.fit = True
        try:
            fitted = fit(self, *args, **kwargs)
            given = {**dict(zip(("X", "y"), args, strict=False)), **kwargs}
            _log(self, given.get("X"), given.get("y"))
        finally:
            _inside.fit = False
        return fitted

    return logged_fit


def _log(estimator: Any, features: Any, target: Any) -> None:
    """Log one fit; a second fit of a class in one run is told apart by its number."""
    name = type(estimator).__name__
    _counts[name] = _counts.get(name, 0) + 1
    if _counts[name] > 1:
        name = f"{name}-{_counts[name]}"
    run = api.current_run()
    run.log_params({name: estimator.get_params()})
    run.log({f"{name}/{metric}": value for metric, value in _scores(estimator, features, target)})


def _scores(estimator: Any, features: Any, target: Any) -> Iterator[tuple[str, float]]:
    """Yield the scores on the data of training, as `training_accuracy`, and those of a search."""
    if hasattr(estimator, "best_score_"):
        yield "best_cv_score", estimator.best_score_
    if target is None or not (is_classifier(estimator) or is_regressor(estimator)):
        return
    found = estimator.predict(features)
    if is_regressor(estimator):
        yield "training_r2", metrics.r2_score(target, found)
        yield "training_mae", metrics.mean_absolute_error(target, found)
        yield "training_rmse", metrics.mean_squared_error(target, found) ** 0.5
        return
    yield "training_accuracy", metrics.accuracy_score(target, found)
    yield "training_f1", metrics.f1_score(target, found, average="weighted")
