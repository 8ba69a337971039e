"""`gitexp best`."""

from __future__ import annotations

from typing import Annotated

from gitexp.catalog.query import Query
from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.views.best import best as find
from gitexp.words import clean

EPILOG = """Examples:
gitexp best acc
gitexp best time_s --min --filter "status == 'done' and train.lr < 0.2"
gitexp best acc -A | xargs gitexp apply
"""


Metric = Annotated[
    str,
    options.argument("METRIC", "The metric.", "columns"),
]


def best(
    metric: Metric,
    lowest: options.Lowest = False,
    highest: options.Highest = False,
    filter_text: options.Filter = None,
    everything: options.Everything = False,
    all_projects: options.AllProjects = False,
    json: options.Json = False,
) -> None:
    """Print the name of the best experiment.

    By the direction of the metric, in gitexp.yaml or known by its name (val_loss, acc); --min and --max come
    first. Otherwise the highest number is the best; for a metric that is called like a cost, such as time_s,
    one of the two must be given. Failed experiments count, too, if they wrote the metric.
    """
    low = options.best_is_lowest(lowest, highest)
    query = Query(everything, filter=filter_text, all_projects=all_projects)
    row = find(open_project(reads_all=True), metric, query, low)
    if json:
        value = row.metrics[metric]
        render.as_json({"experiment": row.name, "commit": row.commit, "metric": metric, "value": value})
    else:
        render.answer([clean(row.name)])


register = registration(best, EPILOG)
