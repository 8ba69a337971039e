"""`gitexp best`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import typer

from gitexp.catalog.fields import Row
from gitexp.catalog.query import Query
from gitexp.catalog.replicates import spread_of
from gitexp.catalog.rows import meant
from gitexp.cli.kit import options
from gitexp.cli.kit.help import again, registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.model import Mean
from gitexp.views.best import SureBest, sure_best
from gitexp.views.best import best as find
from gitexp.views.uncertainty import runs_of
from gitexp.words import PRECISION, clean, shorten, show_value

EPILOG = """Examples:
gitexp best acc
gitexp best time_s --min --filter "status == 'done' and train.lr < 0.2"
gitexp best holdout.acc --reveal
gitexp best acc -A | xargs gitexp apply
gitexp best acc --sure    (nothing if it may be luck)
"""

_NO_TELLING = 4  # the exit status, as of `judge`
_MOST_TOLD = 5  # candidates
Sure = Annotated[bool, typer.Option("--sure", help="Only if it is the best by more than noise.")]

Metric = Annotated[
    str,
    options.argument("METRIC", "The metric.", "metrics"),
]


@with_query
def best(
    ctx: typer.Context,
    metric: Metric,
    lowest: options.Lowest = False,
    highest: options.Highest = False,
    query: Query = PLAIN,
    group: options.OfReplicates = "",
    each: options.Each = False,
    sure: Sure = False,
    reveal: options.Reveal = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Print the name of the best experiment.

    By the direction of the metric, in gitexp.yaml or known by its name (val_loss, acc); --min and --max come
    first. Otherwise the highest number is the best; a metric with the name of a cost, like time_s, needs
    --min or --max. Failed experiments count, too, if they wrote the metric.

    Replicates are ranked by their mean, without failed ones, and the first of them is named. --each ranks
    each by itself; --group replicates also takes the mean of runs repeated by hand.

    With --sure the experiment must be better than each other by more than noise, the noise of the project's
    replicates. Otherwise the exit code is 4, and all candidates are named. A run without a good end is never
    surely the best.
    """
    low = options.best_is_lowest(lowest, highest)
    query = query._replace(replicates=options.replicates(group, each=each))
    project = open_project(reads_all=True, only_looks=True, quiet=quiet, reveal=reveal)
    if sure:
        return _sure(
            sure_best(project, metric, query, low, partial(again, ctx)), metric, quiet=quiet, json=json
        )
    row = find(project, metric, query, low, partial(again, ctx))
    if json:
        return render.as_json(_as_json(row, metric))
    render.answer([clean(row.name)])
    if row.members and not quiet:
        value = show_value(_value(row, metric), PRECISION)
        render.say(f"The first of {len(row.members)} replicates: {clean(metric)} is {value}.", "dim")
    return None


register = registration(best, EPILOG)


def _sure(found: SureBest, metric: str, *, quiet: bool, json: bool) -> None:
    """Print the surely best experiment; raises Exit otherwise."""
    if json:
        document = {"experiment": None, "commit": None, "metric": metric, "value": None}
        if found.row is not None:
            document = _as_json(found.row, metric)
        candidates = [_as_json(row, metric) for row in found.candidates]
        render.as_json({**document, "sure": found.row is not None, "may_be_best": candidates})
    elif found.row is not None:
        render.answer([clean(found.row.name)])
    elif not quiet:
        for line in _no_telling(found, metric):
            render.say(line)
    if found.row is None:
        raise typer.Exit(_NO_TELLING)


def _no_telling(found: SureBest, metric: str) -> Iterator[str]:
    """The reason for an unsure best experiment, and the remedy."""
    if not found.candidates:
        yield (
            f"No telling which of {found.among:,} has the best {clean(metric)}: nothing says how far apart "
            "equal runs are. Replicates do: gitexp run --repeat 5"
        )
        return
    told = []
    for row in found.candidates[:_MOST_TOLD]:
        state = "" if runs_of(row).can_be_judged else f" ({row.status})"
        told.append(f"{clean(row.name)} {show_value(_value(row, metric), PRECISION)}{state}")
    if more := len(found.candidates) - len(told):
        told.append(f"{more:,} more")
    yield (
        f"No telling: {len(found.candidates):,} of {found.among:,} may have the best {clean(metric)}: "
        f"{', '.join(told)}"
    )
    judged, others = list[str](), list[str]()
    for row in found.candidates:
        (judged if runs_of(row).can_be_judged else others).append(clean(row.name))
    if others:
        yield (
            f"What has not come to a good end cannot be judged: {shorten(others)}. "
            "Without it: --filter \"status == 'done'\""
        )
    if len(judged) > 1:
        yield f"More runs of two: gitexp judge {judged[1]} {judged[0]} --metric {clean(metric)} --run"


def _as_json(row: Row, metric: str) -> dict[str, Any]:
    value = _value(row, metric)
    document = {"experiment": row.name, "commit": row.commit, "metric": metric, "value": value}
    if isinstance(value, Mean):
        members = [member.name for member in row.members]
        document.update(replicates={**spread_of(value), "members": members})
    return document


def _value(row: Row, metric: str) -> Any:
    return row.metrics[meant(metric, row.metrics)]
