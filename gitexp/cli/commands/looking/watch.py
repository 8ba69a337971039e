"""`gitexp watch`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

from gitexp import errors
from gitexp.catalog import by_words, lookup
from gitexp.catalog.query import Query, matching
from gitexp.cli.kit import options, watch_lines
from gitexp.cli.kit.garbage import search_for_garbage
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.watch import Picture, watch_all
from gitexp.runs.ongoing.watching import WatchedRun, Watching
from gitexp.words import counted

EPILOG = """Examples:
gitexp watch    (all that run, also those that begin meanwhile)
gitexp watch exp-333c9
gitexp watch 'lr-*' --curves 'loss,val_*'
gitexp watch --json    (the present state, for programs)
gitexp watch > watch.log    (a line for each change)
"""

Words = Annotated[
    list[str] | None,
    options.argument(
        "[EXP]...", "These alone: names, unique prefixes, patterns, last or @{1}.", "experiments"
    ),
]
Curves = Annotated[list[str] | None, options.keys("Draw the curves of these metrics alone; * matches.")]


@with_query
def watch(
    words: Words = None,
    query: Query = PLAIN,
    curves: Curves = None,
    every: options.Every = 1.0,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Watch runs that go on: how far they are, last values, curves and the machine.

    Without names, all runs of this repository that go on here, also of workers of the queue, and those that
    begin meanwhile. The watching ends with its runs; q or Ctrl-C ends the watching alone. Where the output is
    no terminal, each change is a line.
    """
    options.names_or_query(words, query != PLAIN)
    search_for_garbage()  # this may go on for days
    project = open_project(quiet=quiet)
    names = None
    if words:
        names = [lookup.require(project, word).name for word in by_words.expanded(project, words)]
    elif query != PLAIN:
        names = [one.name for one in matching(project, query)]
    watching = Watching(project, names)
    found: Sequence[WatchedRun] = watching.look()
    if json:
        return render.as_json_list(run.as_json() for run in found)
    if not found:
        raise errors.ExperimentError(
            "No run goes on here.",
            "gitexp show has those that have ended; gitexp queue those that wait.",
            code="not-running",
        )
    wanted = options.split(curves)
    if render.screen() is None:
        return _print_changes(watching, found, every)
    found = _draw(watching, found, wanted, every)
    render.answer(watch_lines.panels(found, wanted, render.width() or 80, 10_000), page=False)
    if not quiet and (left := sum(not run.record.status.ended for run in found)):
        render.say(f"{counted(left, 'run')} {'goes' if left == 1 else 'go'} on", "dim")
    return None


register = registration(watch, EPILOG)


def _draw(
    watching: Watching, found: Sequence[WatchedRun], wanted: Sequence[str], every: float
) -> Sequence[WatchedRun]:
    """Draw the runs until they have ended, or the person has seen enough; the runs as drawn last."""
    latest = [found]

    def draw() -> Picture:
        latest[0] = watching.look()
        width, height = render.screen() or (80, 24)
        lines = watch_lines.panels(latest[0], wanted, width, height - 2)
        going_on = sum(not run.record.status.ended for run in latest[0])
        return Picture(lines, going_on, is_over=watching.is_over(latest[0]))

    watch_all(draw, every)
    return latest[0]


def _print_changes(watching: Watching, found: Sequence[WatchedRun], every: float) -> None:
    """Print a line for each run that has changed, until all have ended."""
    printed: dict[str, tuple[object, ...]] = {}
    while True:
        for run in found:
            now = (run.record.status, run.step, run.progress, tuple(run.values.items()))
            if printed.get(run.name) != now:
                printed[run.name] = now
                render.write(watch_lines.plain_line(run) + "\n")
        if watching.is_over(found):
            return
        time.sleep(every)
        found = watching.look()
