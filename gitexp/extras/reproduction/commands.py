"""`gitexp reproduce`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gitexp import errors
from gitexp.catalog import by_words
from gitexp.catalog.query import Query, matching
from gitexp.cli.kit import options
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.extras.reproduction import many, texts
from gitexp.extras.reproduction.check import Obstacle, check
from gitexp.extras.reproduction.many import ReproductionOutcome
from gitexp.extras.reproduction.reproduce import ReproductionManner, request_of, require_reproducible
from gitexp.model import Experiment, Status, readable
from gitexp.project.project import Project
from gitexp.runs import run
from gitexp.views import markup
from gitexp.words import clean, counted

EPILOG = """Examples:
gitexp reproduce exp-333c9
gitexp reproduce exp-333c9 --check
gitexp reproduce exp-333c9 --here --json    (with the present interpreter)
gitexp reproduce --filter "'paper' in tags" --format latex > appendix.tex
"""

_PROBLEMS = 3  # the exit status of --check with a problem

Check = Annotated[
    bool, typer.Option("--check", help="Run nothing: say what stands in the way of a reproduction.")
]
Here = Annotated[bool, typer.Option("--here", help="Use the interpreter that is here; build no environment.")]
Clone = Annotated[bool, typer.Option("--clone", help="Run in a fresh clone, with data from the data remote.")]
NoOutput = Annotated[
    bool, typer.Option("--no-output", help="Do not show what the command prints; it is stored all the same.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reproduce", cls=Command, epilog=EPILOG)(reproduce_)


@with_query
def reproduce_(
    exps: options.OwnExps = None,
    only_check: Check = False,
    here: Here = False,
    clone: Clone = False,
    query: Query = PLAIN,
    form: options.AsTable = None,
    dry_run: options.DryRun = False,
    no_output: NoOutput = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Run experiments again from nothing, and certify how near they come.

    The code of an experiment, without its results, is checked out into an isolated workspace. uv builds the
    environment anew, from uv.lock, pylock.toml or requirements.txt, else from the record. The same command
    runs with the same params, seeds and variables, all stages of a pipeline too, as an ordinary experiment.
    Then both are compared: results by their bytes, metrics and curves by their values. The grade is bitwise;
    within tolerance, by tolerance: in gitexp.yaml; statistical, inside the spread of replicates; or
    different. The first difference is named. The experiment gets a certificate; push and pull take it along.

    The exit code is 0 for bitwise, 3 for within tolerance, 4 for statistical, 5 for different, 1 for an
    error; for several experiments the worst counts. With --check, 3 says: something stands in the way.
    """
    options.names_or_query(exps, query != PLAIN)
    options.only_one(json=json, format=form is not None)
    project = open_project(reads_all=True, dry_run=dry_run, quiet=quiet)
    names = _chosen(project, exps, query)
    if only_check:
        return _check(project, names, quiet=quiet, json=json)
    if dry_run:
        return _rehearse(project, names, here=here, json=json)
    is_document = json or form is not None
    manner = _manner(here, clone, is_silent=quiet or is_document)
    with _descriptors(hidden=no_output, apart=is_document) as (output, complaints):
        manner = manner._replace(stdout=output, stderr=complaints)
        outcomes = many.outcomes(project, names, manner)
        found = list(_shown(outcomes, json=json, is_document=is_document))
    if json:
        render.as_json_list(outcome.as_json() for outcome in found)
    elif form is not None:
        render.answer(markup.table(form, many.HEADS, [outcome.cells for outcome in found]))
    raise typer.Exit(many.status_of(found))


def _manner(here: bool, clone: bool, *, is_silent: bool) -> ReproductionManner:
    """The manner of all reproductions; it prints a line for each step, unless silent."""

    def tell(text: str) -> None:
        if not is_silent:
            render.say(text, "dim")

    def begun(experiment: Experiment) -> None:
        tell(f"{experiment.name} runs, from the code of {experiment.record.reproduces['experiment']}.")

    return ReproductionManner(here, clone, on_start=begun, tell=tell)


def _shown(
    outcomes: Iterable[ReproductionOutcome], *, json: bool, is_document: bool
) -> Iterator[ReproductionOutcome]:
    """Yield the outcomes, each printed for people; for a document print errors alone, for JSON nothing."""
    for outcome in outcomes:
        if outcome.found is not None and not is_document:
            render.answer(texts.lines(outcome.found.comparison), page=False)
        elif outcome.error is not None and not json:
            render.warn(outcome.error.message)
        yield outcome


def _chosen(project: Project, exps: Sequence[str] | None, query: Query) -> list[str]:
    """The names of the chosen experiments, oldest first for a query.

    Raises UsageError without names and query, and ExperimentError for a query without results.
    """
    if exps:
        return by_words.expanded(project, exps)
    if query == PLAIN:
        raise errors.UsageError(
            "Nothing says which experiments to reproduce.",
            "Name them, or choose: --filter \"'paper' in tags\"",
        )
    found = []
    for one in readable(matching(project, query)):
        if one.source == "gitexp" and one.record.status is Status.DONE and not one.record.reproduces:
            found.append(one.name)
    if not found:
        raise errors.ExperimentError("No experiment with a good end is like that.", code="none-found")
    return found[::-1]  # the oldest first


def _check(project: Project, names: Sequence[str], *, quiet: bool, json: bool) -> None:
    """Print the findings about each experiment; exit with 3 for a problem."""
    documents, lines, has_problem = list[Any](), list[str](), False
    for name in dict.fromkeys(names):
        findings = check(project, name)
        documents.append({"experiment": name, "findings": [one.as_json() for one in findings]})
        lines += _finding_lines(name, findings, quiet=quiet)
        if any(one.is_problem for one in findings):
            has_problem = True
    if json:
        render.as_json_list(documents)
    else:
        render.answer(lines)
    if has_problem:
        raise typer.Exit(_PROBLEMS)


def _finding_lines(name: str, findings: Sequence[Obstacle], *, quiet: bool) -> Iterator[str]:
    """The findings about one experiment for people; `quiet`: the problems alone."""
    problems = [one for one in findings if one.is_problem]
    told = "nothing stands in the way"
    if problems:
        told = counted(len(problems), "problem")
    yield f"{clean(name)}: {told}"
    for one in findings:
        if one.is_problem:
            yield f"  problem, {one.kind}: {clean(one.text)}"
        elif not quiet:
            yield f"  note, {one.kind}: {clean(one.text)}"


def _rehearse(project: Project, names: Sequence[str], *, here: bool, json: bool) -> None:
    """Print the commands that a reproduction would run."""
    documents = []
    for name in names:
        one = require_reproducible(project, name)
        ready, _ = run.rehearse(project, request_of(one, ReproductionManner(here)))
        command = ready.stored_command.text
        documents.append({"experiment": one.name, "command": command, "folder": ready.folder})
    if json:
        return render.as_json_list(documents)
    for document in documents:
        command = clean(document["command"] or "")
        render.say(f"{document['experiment']} runs again, in an isolated workspace: {command}")
    return None


@contextlib.contextmanager
def _descriptors(*, hidden: bool, apart: bool) -> Iterator[tuple[int, int]]:
    """Give the file descriptors for the output and the errors of commands."""
    if hidden:
        with Path(os.devnull).open("wb") as nowhere:
            yield nowhere.fileno(), nowhere.fileno()
    else:
        yield (2 if apart else 1), 2
