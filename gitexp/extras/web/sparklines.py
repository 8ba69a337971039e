"""The curves of one metric, small enough for a cell of the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gitexp.extras.plots.curves import kept_places
from gitexp.extras.web.contents import curves_document
from gitexp.extras.web.documents import Documents
from gitexp.model import Experiment

_MOST_POINTS = 60  # of a curve: it is drawn some hundred pixels wide
_MOST_KEYS = 100  # as many rows as a window shows


def sparklines(documents: Documents, keys: Sequence[str], metric: str) -> dict[str, Any]:
    """The values of a metric by the key of the experiment; keys without such a curve are left out.

    The metric of a file, `metrics.json:loss`, has the curve that was logged under its key.
    """
    state = documents.state()
    by_key: dict[str, Experiment] = {}
    for key in keys[:_MOST_KEYS]:
        row = state.rows.get(key)
        if row is not None and isinstance(row.experiment, Experiment):
            by_key[key] = row.experiment
    curves = curves_document.of_many(state.project, list(by_key.values()), _curves_of(metric))
    values: dict[str, list[float]] = {}
    for of_metric in curves["metrics"]:
        for curve in of_metric["curves"]:
            if curve["run"] not in values or of_metric["name"] == metric:
                values[curve["run"]] = [one for one in curve["values"] if not isinstance(one, str)]
    found = {}
    for key, one in by_key.items():
        if one.name in values:
            of_run = values[one.name]
            found[key] = [of_run[at] for at in kept_places(of_run, _MOST_POINTS)]
    return {"points": found}


def _curves_of(metric: str) -> list[str]:
    """The names that the curve of a metric may have."""
    _, colon, key = metric.partition(":")
    return [metric, key] if colon else [metric]
