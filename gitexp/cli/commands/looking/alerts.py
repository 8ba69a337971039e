"""`gitexp alerts`."""

from __future__ import annotations

from typing import Annotated

import typer

from gitexp import errors
from gitexp.catalog.query import Query, matching
from gitexp.cli.kit import options
from gitexp.cli.kit.alert_text import alert_lines
from gitexp.cli.kit.documents import answer
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.model import readable
from gitexp.times import Moment, parse_moment
from gitexp.views import alert_list as ops

EPILOG = """Examples:
gitexp alerts
gitexp alerts exp-333c9
gitexp alerts -A --since '2 hours ago' --json
"""

Words = Annotated[
    list[str] | None,
    options.argument(
        "[EXP]...", "Of these alone: names, unique prefixes, patterns, last or @{1}.", "experiments"
    ),
]
Since = Annotated[
    str, typer.Option(metavar="TIME", help="Not the older ones: '2 hours ago', today, 2026-11-01.")
]


@with_query
def alerts(
    words: Words = None,
    query: Query = PLAIN,
    since: Since = "",
    limit: options.Limit = None,
    form: options.AsTable = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """List the alerts of experiments, the newest first.

    Those of the rules under alerts: in gitexp.yaml, and those that code has raised by run.alert, also of runs
    that go on here.
    """
    options.names_or_query(words, query != PLAIN)
    moment = _moment(since)
    project = open_project(quiet=quiet)
    asked = Query(names=tuple(words)) if words else query
    found = ops.alerts(project, readable(matching(project, asked)), moment)
    if limit is not None:
        found = found[:limit]
    if json or form:
        return answer((alert.as_json() for alert in found), form, json=json)
    if not found and not quiet:
        render.say(
            "No alerts." if words or query.everything else "No alerts. Of all baselines: gitexp alerts -A"
        )
    return render.answer(alert_lines(found, render.width()))


register = registration(alerts, EPILOG)


def _moment(text: str) -> Moment | None:
    """The moment of --since; None for "". Raises UsageError."""
    if not text:
        return None
    found = parse_moment(text)
    if found is None:
        raise errors.UsageError(f"--since {text} is no time.", "For example: --since '2 hours ago'")
    return found
