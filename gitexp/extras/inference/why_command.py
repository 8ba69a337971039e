"""`gitexp why`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from gitexp import errors
from gitexp.cli.kit import options
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.cells import in_columns
from gitexp.extras.inference import sides, why_text
from gitexp.extras.inference.commands import Budget, direction_of, usable_engine
from gitexp.extras.inference.question import Question, asked
from gitexp.extras.inference.verdict import Verdict
from gitexp.extras.inference.why import HybridRuns, Inquiry, WhyAnswer
from gitexp.project.project import Project
from gitexp.project.sections.engine_choice import at_a_time
from gitexp.repo.known_records import KnownRecords

EPILOG = """Examples:
gitexp why exp-333c9 exp-55e90 --metric acc --dry-run    (how many runs?)
gitexp why exp-333c9 exp-55e90 --metric acc -j 2
gitexp why exp-333c9 exp-55e90 --metric acc --budget 12 --json
gitexp why exp-333c9 exp-55e90 --metric acc --minutes 30 --format md
"""

First = Annotated[str, options.argument("FIRST", "An experiment.", "experiments")]
Second = Annotated[str, options.argument("SECOND", "Another one.", "experiments")]
Metric = Annotated[
    list[str] | None,
    options.option(
        "--metric", metavar="METRIC", help="The metric; default: the first with a direction.", by="metrics"
    ),
]
Jobs = Annotated[int | None, options.jobs("Run so many at the same time.")]
Minutes = Annotated[
    float, typer.Option("--minutes", metavar="M", min=0.0, help="No run begins that would end later.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("why", cls=Command, epilog=EPILOG)(why_)


def why_(
    first: First,
    second: Second,
    metric: Metric = None,
    lowest: options.Lowest = False,
    highest: options.Highest = False,
    budget: Budget = 0,
    minutes: Minutes = 0.0,
    jobs: Jobs = None,
    engine: options.Engine = "",
    scheduler: options.Scheduler = "",
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
    form: options.AsTable = None,
) -> None:
    """Find out which change makes the difference between two experiments.

    Each differing param, file and data set is a unit. First the difference is judged; if the noise is
    unknown, both are run again before. Then hybrids are run: the first with some units of the second, each
    an ordinary experiment, in an isolated workspace. In a guilty file the guilty hunk is sought. Killed or
    stopped, the same command goes on with the present runs.

    Other packages and another machine are no units: both ends are run here then, to see their effect.

    The exit code is 0 if the guilty change is known, 3 if not, 4 if the difference is inside the noise.
    """
    options.only_one(json=json, format=form is not None)
    project = open_project(reads_all=True, dry_run=dry_run, quiet=quiet)
    project.store.remember(KnownRecords())  # every hybrid is sought among all experiments
    choice = usable_engine(project, engine, scheduler)
    most = at_a_time(jobs, choice)
    question = _question(project, (first, second), metric or (), options.best_is_lowest(lowest, highest))
    if dry_run:
        return _rehearse(question, most, json=json)

    def tell(text: str) -> None:
        if not (quiet or json):
            render.say(text, "dim")

    for line in why_text.question_lines(question, most):
        tell(line)
    found = Inquiry(question, HybridRuns(budget, most, choice, tell, minutes)).answer()
    if json:
        render.as_json(why_text.as_json(found))
    elif form is not None:
        render.answer(why_text.written(form, found))
    else:
        render.answer(lines(found))
    raise typer.Exit(_status(found))


def _question(project: Project, names: tuple[str, str], metric: Sequence[str], low: bool | None) -> Question:
    """The question about two experiments. Raises UsageError for several metrics."""
    evidence = sides.evidence_of(project, names)
    if len(metric) > 1:
        raise errors.UsageError("One question is about one metric.", "Give --metric once.")
    name = sides.chosen_metrics(project, evidence, metric)[0]
    return asked(project, names, name, direction_of(project, name, low))


def _rehearse(question: Question, jobs: int, *, json: bool) -> None:
    """Print the question, and the number of runs for an answer."""
    if json:
        return render.as_json(why_text.question_json(question))
    return render.answer(why_text.question_lines(question, jobs))


def _status(found: WhyAnswer) -> int:
    if found.judgement.verdict is Verdict.NO_TELLING:
        return 4
    if found.attribution is not None and found.attribution.guilty:
        return 0
    return 3


def lines(found: WhyAnswer) -> Iterator[str]:
    """The answer for people: tables of the units and the hunks, the guilty hunk, a sentence."""
    for number, rows in enumerate(why_text.tables(found)):
        if number:
            yield ""
        yield from in_columns(rows, render.width())
        if not number:
            yield from why_text.interactions(found)
    if patch := why_text.patch_lines(found):
        yield from ("", *patch)
    yield why_text.sentence(found)
    if found.stopped:
        yield found.stopped
