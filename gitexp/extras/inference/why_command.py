"""`gitexp why`."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from gitexp import errors
from gitexp.cli.kit import options, render
from gitexp.cli.kit.cells import in_columns
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.session import open_project
from gitexp.extras.inference import sides, verdict, why
from gitexp.extras.inference.attribution import Attribution, UnitFinding
from gitexp.extras.inference.commands import Budget, direction_of, usable_engine
from gitexp.extras.inference.comparison import GroupComparison
from gitexp.extras.inference.units import HunkUnit, with_hunks
from gitexp.extras.inference.verdict import Verdict
from gitexp.extras.inference.why import HybridRuns, Inquiry, Question, WhyAnswer
from gitexp.project.engine_choice import at_a_time
from gitexp.times import show_duration
from gitexp.words import clean, counted

EPILOG = """Examples:
gitexp why exp-333c9 exp-55e90 --metric acc --dry-run    (how many runs?)
gitexp why exp-333c9 exp-55e90 --metric acc -j 2
gitexp why exp-333c9 exp-55e90 --metric acc --budget 12 --json
"""

First = Annotated[str, options.argument("FIRST", "An experiment.", "experiments")]
Second = Annotated[str, options.argument("SECOND", "Another one.", "experiments")]
Metric = Annotated[
    list[str] | None,
    options.option(
        "--metric", metavar="METRIC", help="The metric; default: the first with a direction.", by="columns"
    ),
]
Jobs = Annotated[int | None, options.jobs("Run so many at the same time.")]


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
    jobs: Jobs = None,
    engine: options.Engine = "",
    scheduler: options.Scheduler = "",
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Find out which change makes the difference between two experiments.

    Each param and each file that differs is a unit. First it is judged whether there is a difference at all;
    where nothing is known of the noise, both are run again for that. Then hybrids are run: the first with
    some units of the second, each an ordinary experiment, in an isolated workspace. Of a guilty file the
    guilty hunk is sought. Killed or stopped, the same command goes on with the runs that are there.

    The exit code is 0 if the guilty change is known, 3 if not, 4 if the difference is inside the noise.
    """
    project = open_project(reads_all=True, dry_run=dry_run, quiet=quiet)
    choice = usable_engine(project, engine, scheduler)
    most = at_a_time(jobs, choice)
    evidence = sides.evidence_of(project, (first, second))
    if metric and len(metric) > 1:
        raise errors.UsageError("One question is about one metric.", "Give --metric once.")
    name = sides.chosen_metrics(project, evidence, metric or ())[0]
    direction = direction_of(project, name, options.best_is_lowest(lowest, highest))
    question = why.asked(project, (first, second), name, direction)
    if dry_run:
        if json:
            return render.as_json(_question_json(question))
        return render.answer(_question_lines(question, most))

    def tell(text: str) -> None:
        if not (quiet or json):
            render.say(text, "dim")

    if not (quiet or json):
        for line in _question_lines(question, most):
            render.say(line, "dim")
    found = Inquiry(question, HybridRuns(budget, most, choice, tell)).answer()
    if json:
        render.as_json(as_json(found))
    else:
        render.answer(lines(found))
    raise typer.Exit(_status(found))


def _status(found: WhyAnswer) -> int:
    if found.judgement.verdict is Verdict.NO_TELLING:
        return 4
    return 0 if found.attribution is not None and found.attribution.guilty else 3


def _question_lines(question: Question, jobs: int) -> list[str]:
    """What differs, and what it takes to know."""
    first, second = clean(question.first.name), clean(question.second.name)
    least, most = question.runs
    line = f"{counted(len(question.units), 'unit')} from {first} to {second}"
    if most:
        runs = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        line += f"; about {runs} runs"
        if question.seconds is not None:
            line += f", {show_duration(most * question.seconds / max(jobs, 1))} at most"
    found = [f"{line}.", *(f"  {unit.label}" for unit in question.units)]
    if question.left:
        found.append(f"Differs too, and cannot be tried: {', '.join(question.left)}.")
    return found


def lines(found: WhyAnswer) -> Iterator[str]:
    """The answer for people: a table of the units, the guilty hunk, a sentence."""
    question = found.question
    if found.attribution is not None:
        yield from _table([unit.label for unit in question.units], found.attribution)
    if found.of_hunks is not None:
        yield ""
        yield from _table([hunk.label for hunk in found.hunks], found.of_hunks)
    for hunk in _guilty_hunks(found):
        yield ""
        yield from _patch(hunk)
    yield sentence(found)
    if found.stopped:
        yield found.stopped


def sentence(found: WhyAnswer) -> str:
    """The answer in one sentence."""
    question = found.question
    if found.judgement.verdict is Verdict.NO_TELLING:
        return f"{verdict.sentence(found.judgement)}: there is nothing to explain"
    told = verdict.sentence(found.judgement)
    if not question.units:
        return f"{told}; nothing that differs can be tried alone"
    if len(question.units) == 1:
        return f"{told}; {question.units[0].label} is all that differs"
    if found.attribution is None:
        return f"{told}; why is not known yet"
    guilty = [question.units[number].label for number in sorted(found.attribution.guilty)]
    if not guilty:
        return f"{told}; no unit alone makes it"
    hunks = [hunk.label for hunk in _guilty_hunks(found)]
    words = " and ".join(hunks or guilty)
    if len(hunks or guilty) > 1:
        return f"{told}, because of {words} together"
    (number,) = found.attribution.guilty
    if found.attribution.effects[number].finding is UnitFinding.TOGETHER:
        return f"{told}; it takes {words}, which does nothing without the others"
    return f"{told}, because of {words}"


def _guilty_hunks(found: WhyAnswer) -> list[HunkUnit]:
    if found.of_hunks is not None:
        return [found.hunks[number] for number in sorted(found.of_hunks.guilty)]
    return list(found.hunks) if len(found.hunks) == 1 else []


def _table(labels: list[str], found: Attribution) -> Iterator[str]:
    rows = [("unit", "effect on first", "effect on second", "finding")]
    for effect in found.effects:
        cells = (labels[effect.unit], _told(effect.on_first), _told(effect.on_second), str(effect.finding))
        rows.append(cells)
    yield from in_columns(rows, render.width())
    for one in found.interactions[:3]:
        names = " and ".join(labels[unit] for unit in one.units)
        yield f"together, beyond their sum: {names}: {one.effect:+.3g}"


def _told(found: GroupComparison | None) -> str:
    return "-" if found is None else verdict.signed(found)


def _patch(hunk: HunkUnit) -> Iterator[str]:
    """The hunk as a patch."""
    path = hunk.label.rpartition(":")[0]
    before = hunk.before.decode("utf-8", "replace").splitlines()
    after = with_hunks(hunk.before, [hunk.hunk]).decode("utf-8", "replace").splitlines()
    for line in difflib.unified_diff(before, after, f"a/{path}", f"b/{path}", lineterm=""):
        yield clean(line)


def _question_json(question: Question) -> dict[str, Any]:
    least, most = question.runs
    return {
        "first": question.first.name,
        "second": question.second.name,
        "metric": question.metric,
        "units": [unit.label for unit in question.units],
        "not_tried": list(question.left),
        "runs": {"least": least, "most": most},
    }


def as_json(found: WhyAnswer) -> dict[str, Any]:
    """The answer for a program."""
    labels = [unit.label for unit in found.question.units]
    document = {
        **_question_json(found.question),
        "judgement": verdict.as_json(found.judgement),
        "effects": _effects(labels, found.attribution),
        "hunks": _effects([hunk.label for hunk in found.hunks], found.of_hunks),
        "patch": "\n".join(line for hunk in _guilty_hunks(found) for line in _patch(hunk)),
        "experiments": [],
        "begun": found.begun,
        "stopped": found.stopped or None,
        "sentence": sentence(found),
    }
    for hybrid, name in found.experiments.items():
        document["experiments"].append({"name": name, "units": [labels[unit] for unit in sorted(hybrid)]})
    return document


def _effects(labels: list[str], found: Attribution | None) -> list[dict[str, Any]]:
    if found is None:
        return []
    told = []
    for effect in found.effects:
        told.append(
            {
                "unit": labels[effect.unit],
                "finding": effect.finding,
                "guilty": effect.unit in found.guilty,
                "on_first": _numbers(effect.on_first),
                "on_second": _numbers(effect.on_second),
            }
        )
    return told


def _numbers(found: GroupComparison | None) -> dict[str, float | None] | None:
    if found is None:
        return None
    values = {"effect": found.effect, "low": found.low, "high": found.high}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
