"""`gitexp reproduce`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from gitexp.catalog.certificates import Grade
from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import Command
from gitexp.cli.kit.session import open_project
from gitexp.extras.reproduction import texts
from gitexp.extras.reproduction.reproduce import Manner, reproduce, request_of, require_reproducible
from gitexp.model import Experiment
from gitexp.runs import run
from gitexp.words import clean

EPILOG = """Examples:
gitexp reproduce exp-333c9
gitexp reproduce exp-333c9 --dry-run
gitexp reproduce exp-333c9 --json
"""

# The exit status by the grade; 1 and 2 are errors, as everywhere.
STATUS = {Grade.BITWISE: 0, Grade.TOLERANCE: 3, Grade.STATISTICAL: 4, Grade.DIFFERENT: 5}

Here = Annotated[bool, typer.Option("--here", help="Use the interpreter that is here; build no environment.")]
NoOutput = Annotated[
    bool, typer.Option("--no-output", help="Do not show what the command prints; it is stored all the same.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reproduce", cls=Command, epilog=EPILOG)(reproduce_)


@contextlib.contextmanager
def _descriptors(*, hidden: bool, json: bool) -> Iterator[tuple[int, int]]:
    """Give the file descriptors that show the output and the errors of the command."""
    if hidden:
        with Path(os.devnull).open("wb") as nowhere:
            yield nowhere.fileno(), nowhere.fileno()
    else:
        yield (2 if json else 1), 2


def reproduce_(
    exp: options.OwnExp,
    here: Here = False,
    dry_run: options.DryRun = False,
    no_output: NoOutput = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Run experiments again from nothing, and certify how near they come.

    The code of an experiment, without its results, is checked out into an isolated workspace; the same
    command runs there with the same params and seeds, all stages of a pipeline too. The run is an ordinary
    experiment. Then both are compared: results by their bytes, metrics and curves by their values. The grade
    is bitwise; within tolerance, by tolerance: in gitexp.yaml; statistical, inside what replicates vary by;
    or different. What differs first is named.

    The experiment gets a certificate of it, which travels with push and pull as notes do.

    The exit code is 0 for bitwise, 3 for within tolerance, 4 for statistical, 5 for different, 1 if it could
    not be run.
    """
    project = open_project(reads_all=True, dry_run=dry_run, quiet=quiet)
    if dry_run:
        one = require_reproducible(project, exp)
        ready, _ = run.rehearse(project, request_of(one))
        command = ready.stored_command.text
        if json:
            return render.as_json({"experiment": one.name, "command": command, "folder": ready.folder})
        return render.say(f"{one.name} runs again, in an isolated workspace: {clean(command or '')}")

    def begun(experiment: Experiment) -> None:
        if not (quiet or json):
            render.say(f"{experiment.name} runs, from the code of {exp}.", "dim")

    def tell(text: str) -> None:
        if not (quiet or json):
            render.say(text, "dim")

    with _descriptors(hidden=no_output, json=json) as (output, complaints):
        found = reproduce(project, exp, Manner(here, output, complaints, begun, tell))
    if json:
        render.as_json(texts.as_json(found))
    else:
        render.answer(texts.lines(found.comparison))
    raise typer.Exit(STATUS[found.comparison.grade])
