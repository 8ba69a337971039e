"""The experiment that is best by one metric."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from gitexp import errors
from gitexp.catalog import rows
from gitexp.catalog.fields import Row
from gitexp.catalog.flat_values import values_under
from gitexp.catalog.query import Query, matching
from gitexp.catalog.replicates import collapsed
from gitexp.catalog.superseded import without_superseded
from gitexp.files import is_finite, is_number
from gitexp.model import MISSING, Status, is_touched, is_unranked, readable
from gitexp.named_tuple import NamedTuple
from gitexp.project import direction_line
from gitexp.project.project import Project
from gitexp.project.sections.directions import MIN, direction
from gitexp.regex import regex
from gitexp.views import columns
from gitexp.views.columns import Column
from gitexp.views.uncertainty import noise_here, runs_of, surely_best
from gitexp.words import shorten, show_value

# Parts of the names of metrics that should mostly be low, and that no direction is known of.
_COST = regex(
    r"(?:^|[^a-z])(?:latency|time|seconds|duration|memory|params|flops|size)(?:$|[^a-z])", re.IGNORECASE
)


def best(
    project: Project,
    metric: str,
    query: Query | None = None,
    lowest: bool | None = None,
    again: Callable[..., str] | None = None,
) -> Row:
    """The experiment with the highest number for a metric, or the lowest; among equals the newest.

    The candidates: the experiments of `query` (default: those of HEAD). Without `lowest` the direction of
    the metric counts, in gitexp.yaml or by its name. Without a direction, high is best, and a metric with the
    name of a cost is a UsageError. Raises UnknownColumn for a metric without any experiment, NoneFound if no
    candidate has a number for it. `again` gives the user's own command line with more options, for hints.
    """
    return _ranked(project, metric, query, lowest, again).rows[0]


class SureBest(NamedTuple):
    """The sure facts about the best experiment.

    Attributes:
        row: the best experiment; None if nobody can tell.
        candidates: the experiments that may be the best, the best number first; () if the noise is unknown.
        among: the number of experiments; a group of replicates counts once.
    """

    row: Row | None
    candidates: Sequence[Row]
    among: int


def sure_best(
    project: Project,
    metric: str,
    query: Query | None = None,
    lowest: bool | None = None,
    again: Callable[..., str] | None = None,
) -> SureBest:
    """The experiment better than each other by more than noise; arguments and errors of `best`.

    The true best is among the candidates in 19 of 20 cases at least. A run that `judge` refuses, such as an
    interrupted one, is never the best, and rules out no other one.
    """
    metric, found, is_low = _ranked(project, metric, query, lowest, again)
    if len(found) == 1:
        return SureBest(surely_best(found), found, 1)
    noise = noise_here(project)
    may_be = noise and noise.may_be_best(metric, list(map(runs_of, found)), lowest=is_low)
    if not may_be:
        return SureBest(None, (), len(found))
    candidates = [row for row, is_one in zip(found, may_be, strict=True) if is_one]
    return SureBest(surely_best(candidates), candidates, len(found))


class _RankedRows(NamedTuple):
    """The experiments with a number for a metric.

    Attributes:
        metric: the metric that the user means.
        rows: the experiments, the best first.
        is_low: whether the lowest number is the best.
    """

    metric: str
    rows: list[Row]
    is_low: bool


def _ranked(
    project: Project,
    metric: str,
    query: Query | None,
    lowest: bool | None,
    again: Callable[..., str] | None,
) -> _RankedRows:
    query = query or Query()
    again = again or partial(_command, metric)
    if lowest is None:
        lowest = _is_lowest(project, metric, again)
    found = _rows(project, query)
    metric = rows.meant(metric, rows.metric_keys(found))
    candidates = [row for row in found if _finite(metric, row)]
    if not candidates:
        every = _rows(project, query._replace(everything=True, filter=None, failed=None, all_projects=True))
        known = rows.metric_keys(every)
        if known and metric not in known:
            raise rows.unknown(metric, known, "metric")
        which = "such experiment" if known else "experiment"
        raise errors.ExperimentError(
            f"No {which} has a number for {metric}{_but_touched(project, query)}{_odd(metric, found)}.",
            _wider(project, query, metric, again),
            code="none-found",
        )
    ranked = columns.sort_rows(candidates, Column("metric", metric), descending=not lowest)
    return _RankedRows(metric, ranked, lowest)


def _odd(metric: str, found: Sequence[Row]) -> str:
    """Words on the experiments whose metric is no finite number; "" for none."""
    values = {row.name: row.metrics[metric] for row in found if metric in row.metrics}
    if not values:
        return ""
    kinds = shorten(list(dict.fromkeys(map(show_value, values.values()))))
    return f": it is {kinds} in {shorten(list(values))}"


def _but_touched(project: Project, query: Query) -> str:
    """Words on the experiments that were left out for their changes of protected files; "" for none."""
    matched = readable(matching(project, query._replace(sort=None, limit=None)))
    left = [one.name for one in matched if is_touched(one)]
    if not left:
        return ""
    return f", but for those that have changed protected files: {shorten(left)}"


def _command(metric: str, *more: str) -> str:
    return shlex.join(["gitexp", "best", *more, metric])


def _wider(project: Project, query: Query, metric: str, again: Callable[..., str]) -> str:
    """The hint: the command that finds a number for the metric, or else `gitexp show -A`."""
    everywhere, options = query._replace(everything=True), list[str]()
    if not query.everything:
        options.append("-A")
    if any(_finite(metric, row) for row in _rows(project, everywhere)):
        return f"Those of all baselines: {again(*options)}"
    if any(_finite(metric, row) for row in _rows(project, everywhere._replace(all_projects=True))):
        return f"Those of all projects of the repository: {again(*options, '--all-projects')}"
    return "gitexp show -A shows what there is."


def _is_lowest(project: Project, metric: str, again: Callable[..., str]) -> bool:
    known = direction(metric, project.config.directions)
    if known is None and _COST.search(metric):
        raise errors.UsageError(
            f"Is a high or a low {metric} the best?",
            f"A low one: {again('--min')}; a high one: --max. For good, in "
            f"{direction_line.place_and_line(project, metric)}",
        )
    return known == MIN


def best_value(column: Column, found: Sequence[Row], directions: Mapping[str, str]) -> Any:
    """The best number of a metric among some rows; MISSING without a direction, or if none is better."""
    if column.kind != "metric":
        return MISSING
    # The last value of a running experiment is no result.
    ended = [row.metrics for row in found if row.status is not Status.RUNNING]
    return best_of(column.key, values_under(column.key, ended), directions)


def best_of(metric: str, values: Sequence[Any], directions: Mapping[str, str]) -> Any:
    """The best number of a metric among some values; MISSING without a direction, or if none is better."""
    known = direction(metric, directions)
    if known is None:
        return MISSING
    if set(map(type, values)) == {float}:  # as nearly always
        numbers = list(filter(math.isfinite, values))
    else:
        numbers = [value for value in values if is_number(value) and is_finite(value)]
    if not numbers:
        return MISSING
    lowest, highest = min(numbers), max(numbers)
    if lowest == highest:
        return MISSING
    if known == MIN:
        return lowest
    return highest


def _rows(project: Project, query: Query) -> list[Row]:
    matched = matching(project, query._replace(sort=None, limit=None))
    found = without_superseded([one for one in matched if not is_unranked(one)])
    built = rows.build([rows.of_experiment(experiment) for experiment in found], project.config.named)
    return collapsed(built, query.drawn)


def _finite(metric: str, row: Row) -> bool:
    value = row.metrics.get(metric, math.nan)
    return is_number(value) and is_finite(value)
