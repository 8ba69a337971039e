"""`gitexp loop`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from gitexp import errors
from gitexp.cli.kit import options
from gitexp.cli.kit.ending import status_of
from gitexp.cli.kit.garbage import search_for_garbage
from gitexp.cli.kit.help import Command, Subcommands
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import braille, render
from gitexp.cli.kit.terminal.cells import in_columns
from gitexp.cli.kit.terminal.render import Piece
from gitexp.extras.inference.commands import Budget, direction_of
from gitexp.extras.inference.loop import state as reading
from gitexp.extras.inference.loop.driver import LoopDriver, LoopEnd
from gitexp.extras.inference.loop.report import LoopReport, ReportedRound, report
from gitexp.extras.inference.loop.settings import LoopListener, LoopSettings
from gitexp.extras.inference.loop.state import LoopState
from gitexp.project.project import Project
from gitexp.views import markup
from gitexp.words import clean, counted

EPILOG_RUN = """Examples:
gitexp loop run --edit ./edit.py --metric acc -n 100
gitexp loop run --edit 'claude -p "Read $GITEXP_LOOP_GOAL"' --metric acc -j 2
gitexp loop run --edit ./edit.py --minutes 5 --max-failures 5
"""
EPILOG_REPORT = """Examples:
gitexp loop report
gitexp loop report 3fa20c11 --format md
"""

_WIDTH, _HEIGHT = 70, 8  # of the chart
_LABEL = 10

EditCommand = Annotated[str, typer.Option("--edit", metavar="CMD", help="The command that edits the code.")]
Metric = Annotated[
    list[str] | None,
    options.option("--metric", metavar="METRIC", help="The metric to make better.", by="metrics"),
]
From = Annotated[
    str,
    options.option(
        "--from",
        metavar="EXP|REV",
        help="Start from this experiment or commit; default: the best of HEAD, or HEAD.",
        by="points",
    ),
]
Rounds = Annotated[
    int, typer.Option("--rounds", "-n", metavar="N", min=1, help="So many rounds, earlier ones included.")
]
Jobs = Annotated[int, options.jobs("So many rounds at the same time.")]
Minutes = Annotated[float | None, typer.Option("--minutes", metavar="N", min=0, help="The time of each run.")]
EditMinutes = Annotated[
    float, typer.Option("--edit-minutes", metavar="N", min=0, help="The time of each edit.")
]
AllMinutes = Annotated[
    float | None, typer.Option("--all-minutes", metavar="N", min=0, help="Begin no round after this time.")
]
MaxFailures = Annotated[
    int,
    typer.Option(
        "--max-failures", metavar="N", min=0, help="End after so many rounds in a row without a number."
    ),
]
ReplicatesOf = Annotated[
    int,
    typer.Option(
        "--replicates", metavar="N", min=1, help="Runs of each, to tell a gain from noise; 1: none."
    ),
]
LoopId = Annotated[str, typer.Argument(metavar="[LOOP]", help="The id of a loop; default: the last one.")]


class LoopGroup(Subcommands):
    """A group: options without a command are options of `run`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of the command line."""
        if args and args[0].startswith("-") and args[0] not in ("--help", "-h"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(name="loop", cls=LoopGroup, help="A research loop: edit, run, judge, and go on.")
    group.command("run", cls=Command, epilog=EPILOG_RUN)(run)
    group.command("report", cls=Command, epilog=EPILOG_REPORT)(report_)
    app.add_typer(group)


def run(
    edit: EditCommand,
    metric: Metric = None,
    lowest: options.Lowest = False,
    highest: options.Highest = False,
    from_: From = "",
    rounds: Rounds = 20,
    jobs: Jobs = 1,
    minutes: Minutes = None,
    edit_minutes: EditMinutes = 30,
    all_minutes: AllMinutes = None,
    budget: Budget = 0,
    max_failures: MaxFailures = 10,
    replicates: ReplicatesOf = 5,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Edit the code of the best experiment, run and judge it, and go on from the better.

    The command of --edit, a script or a coding assistant, edits a copy of the code in a folder of its own.
    The goal and the earlier rounds are told in files: GITEXP_LOOP_GOAL, GITEXP_LOOP_TRIED and
    GITEXP_LOOP_FOLDER in the environment of the command name them. Each round is an experiment, also a
    failed round. A gain inside the noise is run again before it counts, and a change of protected files is
    a failed round.

    Without --from the loop starts from the best experiment of HEAD, or from HEAD. Stopped or killed, the
    same command goes on. The word run may be left out.
    """
    if sys.platform == "win32":
        raise errors.UsageError("gitexp loop needs a POSIX shell and its signals.", "Use it in WSL.")
    search_for_garbage()  # the loop may take days
    project = open_project(needs_config=True, reads_all=True, dry_run=dry_run, quiet=quiet)
    name = _metric(project, metric)
    direction = _direction(project, name, options.best_is_lowest(lowest, highest))
    settings = LoopSettings(
        *(edit, name, direction, from_, rounds, jobs),
        *(_seconds(minutes), edit_minutes * 60, _seconds(all_minutes)),
        *(budget, max_failures, replicates),
    )
    if dry_run:
        return _rehearse(project, settings, quiet=quiet, json=json)
    signal.signal(signal.SIGTERM, _interrupt)  # editors are ended at SIGTERM, too
    end = _driven(project, settings, quiet=quiet)
    _tell(project, end.state, quiet=quiet, json=json)
    if end.interrupted:
        render.hint("The same command goes on.")
        raise typer.Exit(status_of(128 + signal.SIGINT, signal.SIGINT))
    return None


def report_(
    loop: LoopId = "",
    limit: options.Limit = None,
    form: options.AsTable = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Print how a loop goes: the best so far after each round, and the gain of each step."""
    options.only_one(json=json, format=form is not None)
    project = open_project(reads_all=True, quiet=quiet)
    found = report(project, _chosen(reading.every_loop(project), loop))
    shown = found
    if limit is not None:
        shown = found._replace(rounds=found.rounds[-limit:])
    if json:
        return render.as_json(shown.as_json())
    if form is not None:
        return render.answer(markup.of_documents(form, map(_row, shown.rounds)))
    render.answer(_lines(shown, found))
    return None


def _rehearse(project: Project, settings: LoopSettings, *, quiet: bool, json: bool) -> None:
    """Print the rounds so far, and the plan of a call."""
    state = reading.of_settings(project, settings)
    if state.rounds or json:
        _tell(project, state, quiet=quiet, json=json)
    if not (quiet or json):
        render.answer([_plan(state, settings)])


def _driven(project: Project, settings: LoopSettings, *, quiet: bool) -> LoopEnd:
    """The end of the loop after all rounds, each printed unless quiet."""

    def tell(text: str, style: str = "") -> None:
        if not quiet:
            render.say(text, style)

    tell(f"Loop {settings.id}", "dim")
    end = LoopDriver(project, settings, LoopListener(tell)).go()
    tell(end.reason, "dim")
    return end


def _plan(state: LoopState, settings: LoopSettings) -> str:
    """The next rounds of the command, in a sentence."""
    place = settings.start or "the best experiment of HEAD, else from HEAD"
    if state.best is not None:
        place = state.best.name
    left = settings.rounds - len(state.rounds)
    if left <= 0:
        return f"Loop {state.id}: all {counted(settings.rounds, 'round')} are made."
    return f"Loop {state.id}: {counted(left, 'round')} would be made, from {place}: {settings.edit}"


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else minutes * 60


def _direction(project: Project, metric: str, low: bool | None) -> str:
    """The direction of a metric. Raises UsageError without one."""
    found = direction_of(project, metric, low)
    if found is None:
        raise errors.UsageError(
            f"Nothing says which is better of {metric}.",
            f"Give --min or --max, or metrics: {{{metric}: min}}",
        )
    return found


def _metric(project: Project, given: Sequence[str] | None) -> str:
    """The given metric, else the only metric with a direction in gitexp.yaml. Raises UsageError."""
    if given and len(given) == 1:
        return given[0]
    known = list(project.config.directions)
    if given or len(known) != 1:
        raise errors.UsageError("A loop makes one metric better.", "Name it: --metric acc")
    return known[0]


def _chosen(found: Sequence[LoopState], loop: str) -> LoopState:
    for one in found:
        if one.id.startswith(loop):
            return one
    if not found:
        raise errors.ExperimentError(
            "There is no loop.", "gitexp loop --edit CMD --metric acc begins one.", code="none-found"
        )
    known = ", ".join(one.id for one in found)
    raise errors.UsageError(f"There is no loop {loop}.", f"There are: {known}.")


def _tell(project: Project, state: LoopState, *, quiet: bool, json: bool) -> None:
    found = report(project, state)
    if json:
        render.as_json(found.as_json())
    elif not quiet:
        render.answer(_lines(found, found))


def _lines(shown: LoopReport, whole: LoopReport) -> Iterator[str | list[Piece]]:
    """The report for a person: the curve, the rounds, a sentence."""
    state = whole.state
    yield [(f"{clean(state.metric)}, the best so far", "bold"), (f"  loop {state.id}", "dim")]
    yield from _chart(whole)
    rows: list[tuple[str, ...]] = [
        ("round", "experiment", clean(state.metric), "step", "outcome", "tried"),
    ]
    for one in shown.rounds:
        rows.append(_cells(one))
    yield from in_columns(rows, render.width())
    yield whole.sentence()


def _cells(one: ReportedRound) -> tuple[str, ...]:
    """The cells of a round, with the editor's words, else with the verdict on a dropped round."""
    value, step = one.round.value, one.step
    told = one.round.told
    if not told and one.round.kept is False:
        told = one.round.loop.get("verdict", "")
    return (
        f"{one.round.number}",
        clean(one.round.experiment.name),
        "-" if value is None else f"{value:.5g}",
        "-" if step is None else f"{step:+.3g}",
        one.outcome,
        clean(told),
    )


def _row(one: ReportedRound) -> dict[str, Any]:
    document = one.as_json()
    names = ("round", "experiment", "from", "value", "step", "outcome", "verdict", "tried")
    return {name: document[name] for name in names}


def _chart(found: LoopReport) -> Iterator[list[Piece]]:
    """The curve of the best so far."""
    points = found.curve()
    values = [one.round.value for one in found.rounds if one.round.value is not None]
    if len(points) < 2:
        return
    every = [value for _, value in points]
    low, high = min(every), max(every)
    if low == high:
        yield [(f"{low:.5g}", "cyan"), (f"  after {counted(len(values), 'run')} with a number", "dim")]
        return
    columns = min((render.width() or _WIDTH + _LABEL) - _LABEL - 1, _WIDTH)
    canvas = braille.Canvas(max(columns, 10), _HEIGHT, braille.Box(points[0][0], points[-1][0], low, high))
    canvas.draw(_steps(points), "cyan")
    labels = {0: f"{high:.5g}", _HEIGHT - 1: f"{low:.5g}"}
    for number, line in enumerate(canvas.lines()):
        yield [(f"{labels.get(number, ''):>{_LABEL}} ", "dim"), *line]


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points of a line of steps: level until the next value."""
    found = [points[0]]
    for x, y in points[1:]:
        found += [(x, found[-1][1]), (x, y)]
    return found
