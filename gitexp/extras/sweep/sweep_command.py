"""`gitexp sweep`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from gitexp import plugins
from gitexp.catalog.query import Query
from gitexp.catalog.replicates import Replicates
from gitexp.cli.kit import options
from gitexp.cli.kit.documents import answer
from gitexp.cli.kit.help import Command, Subcommands
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.tables.table_remarks import noted_lines, show_command
from gitexp.cli.kit.terminal import render
from gitexp.extras.sweep import crew, driver, named, searching, session
from gitexp.extras.sweep.searching import Manner
from gitexp.extras.sweep.summary import total_of
from gitexp.model import Status
from gitexp.project.sections.engine_choice import at_a_time, chosen
from gitexp.runs.request import RunRequest
from gitexp.views import table as tables
from gitexp.views.columns import Columns
from gitexp.words import PRECISION, clean, counted

EPILOG_RUN = """Examples:
gitexp sweep run
gitexp sweep wide -j 2    (the same as gitexp sweep run wide -j 2)
gitexp sweep wide --retry-failed
"""
EPILOG_LIST = """Examples:
gitexp sweep list
"""
EPILOG_SHOW = """Examples:
gitexp sweep show
gitexp sweep show wide --json
"""
EPILOG_BEST = """Examples:
gitexp sweep best
gitexp apply "$(gitexp sweep best wide)"
"""
EPILOG_STOP = """Examples:
gitexp sweep stop
"""

SweepName = Annotated[
    str, typer.Argument(metavar="[NAME]", help="A sweep of gitexp.yaml; not needed if there is one.")
]
AnySweep = Annotated[
    str, typer.Argument(metavar="[NAME]", help="A sweep of gitexp.yaml, or the id of another search.")
]
Jobs = Annotated[int | None, options.jobs("Run so many trials at the same time.")]
RetryFailed = Annotated[
    bool,
    typer.Option("--retry-failed", help="Run again the points that failed, were interrupted or removed."),
]
AcceptChanges = Annotated[
    bool,
    typer.Option("--accept-changes", help="Go on though the space, the code or the config have changed."),
]
Yes = Annotated[bool, options.yes("Do not ask before more than a hundred runs.")]
For = Annotated[int, typer.Option("--for", metavar="PID", help="End when this process has ended.")]


class Sweeps(Subcommands):
    """The group of the commands. The name of a sweep, or no word at all, runs a sweep."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of the command line."""
        is_for_group = bool(args) and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if is_for_group else ["run", *args])


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(name="sweep", cls=Sweeps, help="Run a sweep of gitexp.yaml, or go on with it.")
    group.command("run", cls=Command, epilog=EPILOG_RUN)(run)
    group.command("list", cls=Command, epilog=EPILOG_LIST)(list_)
    group.command("show", cls=Command, epilog=EPILOG_SHOW)(show)
    group.command("best", cls=Command, epilog=EPILOG_BEST)(best)
    group.command("stop", cls=Command, epilog=EPILOG_STOP)(stop)
    group.command("work", cls=Command, hidden=True)(work)
    app.add_typer(group)


def run(
    name: SweepName = "",
    jobs: Jobs = None,
    engine: options.Engine = "",
    scheduler: options.Scheduler = "",
    retry_failed: RetryFailed = False,
    accept_changes: AcceptChanges = False,
    yes: Yes = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Run a sweep of gitexp.yaml, or go on where it was stopped.

    `sweep:` in gitexp.yaml says what is tried, and how many trials there are in all. The same command goes
    on until there are as many; no trial is run twice. The code is that of now: go on editing meanwhile.
    """
    project = open_project(needs_config=True, dry_run=dry_run)
    definition = named.chosen(named.of_config(project), name)
    choice = chosen(engine, scheduler)
    if choice is not None:
        plugins.load("dispatch", "require_usable")(project, choice)
    most = at_a_time(jobs, choice)
    manner = Manner(most, retry_failed, accept_changes, yes, dry_run, quiet, json, choice)
    status = searching.work_on(project, RunRequest(), definition, manner)
    project.repo.rest()
    raise typer.Exit(status)


def list_(
    limit: options.Limit = None,
    form: options.AsTable = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Print the sweeps of gitexp.yaml, and all others that experiments know."""
    project = open_project(quiet=quiet)
    found = named.every(project)[:limit]
    rows = []
    for one in found:
        count = len(session.counted(project, one))
        rows.append((one, count, total_of(one, count), driver.is_at_work(project, one.id)))
    if json or form:
        documents = (
            {"sweep": one.id, "method": str(one.method), "trials": count, "total": total, "running": busy}
            for one, count, total, busy in rows
        )
        return answer(documents, form, json=json)
    lines = []
    for one, count, total, busy in rows:
        state = "  at work" if busy else ""
        lines.append(clean(f"{one.id}  {one.method}  {count:,} of {counted(total, 'trial')}{state}"))
    return render.answer(lines)


def show(name: AnySweep = "", quiet: options.Quiet = False, json: options.Json = False) -> None:
    """Show the trials of a sweep, the best of them, and the importance of the params."""
    project = open_project(quiet=quiet)
    definition = named.chosen(named.every(project), name)
    found = session.summary_of(project, definition)
    if not json:
        names = [trial.last.name for trial in found.by_hand]
        for one in driver.experiments(project):
            if one.record.sweep == definition.id:
                names.append(one.name)
        if names:
            # The best trial is the best in the mean over its seeds: so are the rows.
            query = Query(names=tuple(names), replicates=Replicates.REPEATED)
            table = tables.table(project, query)
            choice = tables.choice(table, Columns())
            lines = noted_lines(table, choice, render.width(), PRECISION, show_command)
            render.answer([*lines, []], page=False)
    searching.tell(definition, found, json=json)
    if not (json or quiet) and found.counts.get(str(Status.DONE), 0) > 1:
        chosen = f"--filter \"sweep == '{definition.id}'\""
        render.say(f"As a picture: gitexp plots --kind parallel -A {chosen}", "dim")


def best(name: AnySweep = "", quiet: options.Quiet = False, json: options.Json = False) -> None:
    """Print the name of the best trial of a sweep, or those on the Pareto front."""
    project = open_project(quiet=quiet)
    definition = named.chosen(named.every(project), name)
    found = session.ranked(project, definition)
    if json:
        return searching.tell(definition, found, json=True)
    return render.answer(clean(one.name) for one in found.front)


def stop(
    name: AnySweep = "",
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Let a sweep of this machine end after its present trials; without a name, all sweeps."""
    project = open_project(dry_run=dry_run)
    found = [named.chosen(named.every(project), name)] if name else named.every(project)
    busy = driver.ask_to_stop(project, found)
    if json:
        render.as_json_list({"sweep": one.id} for one in busy)
    elif not quiet:
        render.say(f"{counted(len(busy), 'sweep')} asked to stop.")


def work(for_: For = 0) -> None:
    """Be a worker: run the experiments whose names come in the standard input, one a line."""
    crew.work(open_project(), iter(sys.stdin.readline, ""), for_)
