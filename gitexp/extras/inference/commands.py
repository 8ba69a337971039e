"""`gitexp judge`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from gitexp import errors, plugins
from gitexp.cli.kit import options
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.extras.inference import sides, verdict
from gitexp.extras.inference.more_runs import MoreRuns
from gitexp.extras.inference.sequential import PairEvidence
from gitexp.extras.inference.verdict import Judgement, Verdict
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.project.sections import directions
from gitexp.project.sections.directions import MAX, MIN
from gitexp.project.sections.engine_choice import EngineChoice, at_a_time, chosen
from gitexp.views.markup import TableFormat
from gitexp.words import counted

EPILOG = """Examples:
gitexp judge exp-333c9 exp-55e90
gitexp judge main exp-55e90 exp-2b728 --metric acc    (against main)
gitexp judge main exp-55e90 --metric time_s --min
gitexp judge exp-333c9 exp-55e90 --run -j 2    (more runs of both)
gitexp judge main exp-55e90 exp-2b728 --format latex
gitexp judge exp-333c9 exp-55e90 --json && gitexp branch exp-55e90 better
"""

# The exit status by the verdict on the second; 1 and 2 are errors, as everywhere.
STATUS = {Verdict.BETTER: 0, Verdict.WORSE: 3, Verdict.NO_TELLING: 4, Verdict.DIFFERENT: 5}

Names = Annotated[
    list[str],
    options.argument(
        "FIRST SECOND...", "What is compared: experiments with their replicates, commits.", "points"
    ),
]
Metric = Annotated[
    list[str] | None,
    options.option(
        "--metric",
        metavar="METRIC",
        help="Judge by this metric; default: all with a direction.",
        by="metrics",
    ),
]


Run = Annotated[bool, typer.Option("--run", help="Run both again, with new seeds, until it is decided.")]
Budget = Annotated[
    int, typer.Option("--budget", metavar="N", min=0, help="At most so many new runs; 0 for no limit.")
]
Jobs = Annotated[int | None, options.jobs("Of --run: so many at the same time.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG)(judge)


def judge(
    names: Names,
    metric: Metric = None,
    lowest: options.Lowest = False,
    highest: options.Highest = False,
    run: Run = False,
    budget: Budget = 40,
    jobs: Jobs = None,
    engine: options.Engine = "",
    scheduler: options.Scheduler = "",
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
    form: options.AsTable = None,
) -> None:
    """Say whether the second is better than the first, or the difference is noise.

    Each name stands for the experiment with all its replicates: runs that differ by the seed alone. A
    difference counts only if it is larger than chance, at 95 %; with several metrics or several experiments,
    for all verdicts together. A single run is judged by the noise of all replicates in the project.

    With --run both are run again, in pairs with the same new seeds, until the difference is sure or --budget
    is used up. A look after each pair is allowed: the rule errs in at most 5 of 100 cases all the same.

    The exit code is 0 for better, 3 for worse, 4 for no telling, 5 for different by a metric without a
    direction. Of several verdicts the first of "worse", "no telling", "different" counts.
    """
    _require_number(names, run=run)
    options.only_one(json=json, format=form is not None)
    project = open_project(reads_all=True, dry_run=dry_run, quiet=quiet)
    evidence = sides.evidence_of(project, names)
    metrics = sides.chosen_metrics(project, evidence, metric or ())
    low = options.best_is_lowest(lowest, highest)
    known = [direction_of(project, each, low) for each in metrics]
    if run:
        choice = usable_engine(project, engine, scheduler)
        wanted = _MoreWanted(tuple(names), tuple(metrics), known[0], budget, at_a_time(jobs, choice), choice)
        if dry_run:
            return _rehearse(project, wanted, json=json)
        found = [_decided(project, wanted, quiet=quiet or json)]
    else:
        found = verdict.judge(evidence, metrics, known)
    _show(found, form, quiet=quiet, json=json)
    raise typer.Exit(_status(found))


def _require_number(names: Sequence[str], *, run: bool) -> None:
    """Raise UsageError for one name alone, and for --run with more than two names."""
    if len(names) < 2:
        raise errors.UsageError("One alone cannot be judged.", "Name two: gitexp judge FIRST SECOND")
    if run and len(names) > 2:
        raise errors.UsageError("--run decides between two experiments.", "Name two, and one metric.")


def _show(found: list[Judgement], form: TableFormat | None, *, quiet: bool, json: bool) -> None:
    """Print the judgements."""
    if json:
        render.as_json_list(map(verdict.as_json, found))
    elif form is not None:
        render.answer(verdict.written(form, found))
    elif not quiet:
        render.answer(map(verdict.sentence, found))
        _remark(found)


class _MoreWanted(NamedTuple):
    """The arguments of `judge` with --run."""

    names: tuple[str, ...]
    metrics: tuple[str, ...]
    direction: str | None
    budget: int
    jobs: int
    engine: EngineChoice | None


def _more(project: Project, wanted: _MoreWanted, tell: Callable[[PairEvidence, int], None]) -> MoreRuns:
    if len(wanted.metrics) > 1:
        raise errors.UsageError("--run decides by one metric.", f"Name it: --metric {wanted.metrics[0]}")
    first, second = wanted.names
    return MoreRuns(
        *(project, (first, second), wanted.metrics[0], verdict.ALPHA),
        *(wanted.budget, wanted.jobs, wanted.engine, tell),
    )


def _rehearse(project: Project, wanted: _MoreWanted, *, json: bool) -> None:
    """Print the first runs of a decision."""
    found = _more(project, wanted, lambda pairs, begun: None).rehearsed()
    if json:
        return render.as_json_list({"experiment": name, "override": override} for name, override in found)
    return render.answer(f"{name}  -S {override}" for name, override in found)


def _decided(project: Project, wanted: _MoreWanted, *, quiet: bool) -> Judgement:
    """The judgement after all necessary further runs."""

    def tell(found: PairEvidence, begun: int) -> None:
        if not quiet:
            render.say(f"{counted(found.pairs, 'pair')}, {begun:,} new: {found.effect:+.3g}", "dim")

    done = _more(project, wanted, tell).decide()
    evidence = sides.evidence_of(project, wanted.names)
    if done.interrupted:
        render.hint("The same command goes on.")
    return verdict.of_pairs(evidence, wanted.metrics[0], wanted.direction, done.evidence, verdict.ALPHA)


def usable_engine(project: Project, engine: str, scheduler: str) -> EngineChoice | None:
    """The chosen engine, if any; raises ConfigError or UsageError for an unusable engine."""
    choice = chosen(engine, scheduler)
    if choice is not None:
        plugins.load("dispatch", "require_usable")(project, choice)
    return choice


def direction_of(project: Project, metric: str, low: bool | None) -> str | None:
    """The direction of a metric: by --min and --max, else by gitexp.yaml and the metric's name."""
    if low is not None:
        return MIN if low else MAX
    return directions.direction(metric, project.config.directions)


def _remark(found: list[Judgement]) -> None:
    for one in found:
        if one.missing:
            render.warn(f"{counted(one.missing, 'run')} without a finite number for {one.metric}: left out.")
        if one.direction is None:
            render.hint(f"Which is better of {one.metric}: --min or --max, or metrics: {{{one.metric}: min}}")


def _status(found: list[Judgement]) -> int:
    verdicts = {one.verdict for one in found}
    for each in (Verdict.WORSE, Verdict.NO_TELLING, Verdict.DIFFERENT):
        if each in verdicts:
            return STATUS[each]
    return STATUS[Verdict.BETTER]
