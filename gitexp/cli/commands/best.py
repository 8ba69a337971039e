"""`gitexp best`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from gitexp.catalog.query import Query
from gitexp.catalog.replicates import spread_of
from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import again, registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.model import Mean
from gitexp.views.best import best as find
from gitexp.words import PRECISION, clean, show_value

EPILOG = """Examples:
gitexp best acc
gitexp best time_s --min --filter "status == 'done' and train.lr < 0.2"
gitexp best acc -A | xargs gitexp apply
"""


Metric = Annotated[
    str,
    options.argument("METRIC", "The metric.", "columns"),
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
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Print the name of the best experiment.

    By the direction of the metric, in gitexp.yaml or known by its name (val_loss, acc); --min and --max come
    first. Otherwise the highest number is the best; for a metric that is called like a cost, such as time_s,
    one of the two must be given. Failed experiments count, too, if they wrote the metric.

    Replicates are ranked by their mean, without failed ones, and the first of them is named. --each ranks
    each by itself; --group replicates also takes the mean of runs repeated by hand.
    """
    low = options.best_is_lowest(lowest, highest)
    query = query._replace(replicates=options.replicates(group, each=each))
    row = find(open_project(reads_all=True, quiet=quiet), metric, query, low, partial(again, ctx))
    if json:
        value = row.metrics[metric]
        document = {"experiment": row.name, "commit": row.commit, "metric": metric, "value": value}
        if isinstance(value, Mean):
            members = [member.name for member in row.members]
            document.update(replicates={**spread_of(value), "members": members})
        return render.as_json(document)
    render.answer([clean(row.name)])
    if row.members and not quiet:
        value = show_value(row.metrics[metric], PRECISION)
        render.say(f"The first of {len(row.members)} replicates: {clean(metric)} is {value}.", "dim")
    return None


register = registration(best, EPILOG)
