"""The experiment that is best by one metric."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from gitexp import errors
from gitexp.catalog import rows
from gitexp.catalog.fields import Row
from gitexp.catalog.query import Query, matching
from gitexp.files import is_finite, is_number
from gitexp.model import MISSING
from gitexp.project.directions import MIN, direction
from gitexp.project.project import Project
from gitexp.views import columns
from gitexp.views.columns import Column

# Parts of the names of metrics that should mostly be low, and that no direction is known of.
_COST = re.compile(
    r"(?:^|[^a-z])(?:latency|time|seconds|duration|memory|params|flops|size)(?:$|[^a-z])", re.IGNORECASE
)


def best(project: Project, metric: str, query: Query | None = None, lowest: bool | None = None) -> Row:
    """The experiment with the highest number for a metric, or the lowest; among equals the newest.

    The candidates: the experiments of `query` (default: those of HEAD). Without `lowest` the direction of
    the metric counts, in gitexp.yaml or by its name. Without a direction, high is best, and a metric with the
    name of a cost is a UsageError. Raises UnknownColumn for a metric without any experiment, NoneFound if no
    candidate has a number for it.
    """
    query = query or Query()
    if lowest is None:
        lowest = _is_lowest(project, metric)
    candidates = [row for row in _rows(project, query) if _finite(metric, row)]
    if not candidates:
        every = _rows(project, query._replace(everything=True, filter=None, failed=None, all_projects=True))
        known = rows.metric_keys(every)
        if known and metric not in known:
            raise rows.unknown(metric, known, "metric")
        raise errors.ExperimentError(
            f"No such experiment has a number for {metric}.",
            _wider(project, query, metric),
            code="none-found",
        )
    return columns.sort_rows(candidates, Column("metric", metric), descending=not lowest)[0]


def _wider(project: Project, query: Query, metric: str) -> str | None:
    """The hint: the options that find a number for the metric, or else `gitexp show -A`."""
    everywhere = query._replace(everything=True)
    if any(_finite(metric, row) for row in _rows(project, everywhere)):
        return "-A looks at those of all baselines."
    if any(metric in row.metrics for row in _rows(project, everywhere._replace(all_projects=True))):
        return "-A --all-projects looks at those of all projects of the repository."
    return "gitexp show -A shows what there is."


def _is_lowest(project: Project, metric: str) -> bool:
    known = direction(metric, project.config.directions)
    if known is None and _COST.search(metric):
        raise errors.UsageError(
            f"Is a high or a low {metric} the best?",
            f"Say which: --min or --max; or for good, in gitexp.yaml: metrics: {{{metric}: min}}",
        )
    return known == MIN


def best_value(column: Column, found: Sequence[Row], directions: Mapping[str, str]) -> Any:
    """The best number of a metric among some rows; MISSING without a direction, or if none is better."""
    if column.kind != "metric":
        return MISSING
    known = direction(column.key, directions)
    if known is None:
        return MISSING
    numbers = [row.metrics[column.key] for row in found if _finite(column.key, row)]
    if not numbers:
        return MISSING
    lowest, highest = min(numbers), max(numbers)
    if lowest == highest:
        return MISSING
    return lowest if known == MIN else highest


def _rows(project: Project, query: Query) -> list[Row]:
    found = matching(project, query._replace(sort=None, limit=None))
    return rows.build([rows.of_experiment(experiment) for experiment in found])


def _finite(metric: str, row: Row) -> bool:
    value = row.metrics.get(metric, math.nan)
    return is_number(value) and is_finite(value)
