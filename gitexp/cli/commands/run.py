"""`gitexp run`."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from gitexp import errors
from gitexp.catalog.lineage import row_of
from gitexp.cli.commands.run_words import RunCommand, explained, meant
from gitexp.cli.kit import options, render
from gitexp.cli.kit.ending import status_of
from gitexp.cli.kit.session import open_project, warn_of_namesakes
from gitexp.cli.kit.summary import ended_line, same_line, told_of_untracked
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.runs import run as ops
from gitexp.runs.request import RunRequest
from gitexp.runs.run import Result

EPILOG = r"""Examples:
gitexp run -- python train.py
gitexp run -S train.lr=0.2 -S model.layers=[64,32] -n wide -- python train.py
gitexp run -S +train.warmup=5 -S '~train.decay' -m "as in the paper"
gitexp run --temp -S train.lr=0.3    (in a workspace of its own)
gitexp run -S args.lr=0.2 -- python train.py --lr 0.1
gitexp run --metric 'val_bpb=^val_bpb:\s+(\S+)' -- python train.py
gitexp run -S train.lr=0.2 --name-template "lr={train.lr}"    (called lr-0.2)
gitexp run --once -S train.lr=0.2    (unless exactly that has been done)
gitexp run --from exp-55e90 -S train.lr=0.3    (that code again)
gitexp run --from exp-55e90 --with train.py    (with that file as it is here)
gitexp run --from HEAD -- python train.py
gitexp run --dry-run -S train.lr=0.2    (which stages would run, and why)
gitexp run train --force -j 4    (a stage, and what it stands on)
gitexp run prepare --downstream    (a stage, and what stands on it)
"""


Words = Annotated[
    list[str] | None,
    options.stages(
        "[STAGE...|[--] CMD...]",
        "Stages to run, or a command; default: all stages, or command: in gitexp.yaml.",
    ),
]
SetParams = Annotated[
    list[str] | None,
    options.option(
        *("--set", "-S"),
        metavar="[FILE:]KEY=VALUE",
        help="Change a param: key=value, +key=value to add one, ~key to remove one. Repeatable.",
        by="params",
    ),
]
Metric = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="NAME=PATTERN",
        help="Take a metric from the output: the last match of a regular expression. Repeatable.",
    ),
]
Once = Annotated[
    bool,
    typer.Option("--once", help="If exactly this has been done before, give that result; run nothing."),
]
Temp = Annotated[
    bool, typer.Option("--temp", help="Run in an isolated worktree; the workspace stays as it is.")
]
From = Annotated[
    str,
    options.option(
        "--from",
        metavar="EXP|REV",
        help="Run the code of an experiment or commit, in an isolated worktree; its command by default.",
        by="points",
    ),
]
WithFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="FILE[=SOURCE]",
        help="Lay a file over the code of --from: the workspace's, or SOURCE. Repeatable.",
    ),
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Run the stages though they are up to date.")]
Single = Annotated[
    bool, typer.Option("--single", "-s", help="Run the named stages alone, not what they stand on.")
]
Downstream = Annotated[
    bool, typer.Option("--downstream", help="Run the named stages and what stands on them.")
]
KeepGoing = Annotated[
    bool, typer.Option("--keep-going", "-k", help="After a failure, run what does not stand on it.")
]
Jobs = Annotated[int, options.jobs("Run so many stages at the same time.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Say what would become of each stage here; run and store nothing."),
]


Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing but warnings, and the name and result in one line.")
]
NoOutput = Annotated[
    bool, typer.Option("--no-output", help="Do not show what the command prints; it is stored all the same.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=RunCommand, epilog=EPILOG, context_settings={"allow_interspersed_args": False})(run)


def run(
    ctx: typer.Context,
    words: Words = None,
    set_params: SetParams = None,
    name: options.Name = "",
    name_template: options.NameTemplate = "",
    note: options.Note = "",
    metric: Metric = None,
    once: Once = False,
    temp: Temp = False,
    from_: From = "",
    with_files: WithFiles = None,
    force: Force = False,
    single: Single = False,
    downstream: Downstream = False,
    keep_going: KeepGoing = False,
    jobs: Jobs = 1,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    no_output: NoOutput = False,
    json: options.Json = False,
) -> None:
    """Run a command, or stages, and store that as an experiment.

    The experiment has the exact code, params, metrics, log and environment. The workspace is stored before
    the command starts, with uncommitted changes and new files; at the end the results are added. The exit
    status of the command is passed on. Ctrl-C stores the experiment as interrupted. -S edits the params
    files for good; with --temp or --from the workspace is not touched. The command's own options are params
    under args: --lr 0.1 means args.lr.

    Where gitexp.yaml (or dvc.yaml) has stages, each outdated stage runs, in order, or is restored from an
    experiment with the same run; with names, only the named stages and the stages above them. Options may
    stand after stages. Words after -- are a command, even if a stage has the same name. Without --, an
    option of gitexp's behind a command is an error: it could be meant for either.
    """
    options.one_name(name, name_template)
    options.only_one(single=single, downstream=downstream)
    if dry_run:
        _refuse_elsewhere({"from": from_, "with": with_files, "temp": temp, "once": once})
    gc.enable()  # the command may take days, and `main` has turned it off
    project = open_project(needs_config=True)
    screen = _Screen(project, once=once, quiet=quiet, json=json)
    shown, errors_shown = ctx.with_resource(_descriptors(no_output=no_output, json=json))
    request = RunRequest(
        overrides=tuple(set_params or ()),
        name=name,
        name_template=name_template,
        note=note,
        temp=temp,
        from_=from_,
        with_=tuple(with_files or ()),
        metrics=tuple(metric or ()),
        once=once,
        stdout=shown,
        stderr=errors_shown,
        ask_secret=_ask_secret,
        on_start=screen.started,
        on_same=screen.same,
        on_new_files=screen.new_files,
    )
    flags = {"force": force, "single": single, "downstream": downstream, "keep_going": keep_going}
    with explained(words or [], ctx):
        command, stages = meant(project, words or [], ctx)
        if stages is None:
            _refuse_flags({**flags, "jobs": jobs != 1, "dry_run": dry_run})
            result = ops.run(project, request._replace(command=command))
        else:
            # A run of a command must not pay for stages.
            from gitexp.cli.commands import run_stages

            selection = run_stages.selection(stages, flags, jobs)
            if dry_run:
                return run_stages.dry_run(project, selection, request.overrides, json=json)
            listener = run_stages.listener(quiet=quiet)
            result = ops.run(project, request._replace(selection=selection, listener=listener))
    screen.ended(result)
    if json:
        render.as_json(row_of(project, result.experiment).as_json())
    raise typer.Exit(status_of(result.exit_code, result.signal))


def _ask_secret(name: str) -> str:
    """The value of an option that the record does not have, typed by the user; "" without a terminal."""
    if not (render.is_terminal(sys.stdin) and render.is_terminal(sys.stderr)):
        return ""
    answer: str = typer.prompt(f"Value of {name}, which is not stored", hide_input=True, err=True)
    return answer


class _Screen:
    """The words about a run for a person. A failure of words is no reason not to run."""

    def __init__(self, project: Project, *, once: bool, quiet: bool, json: bool) -> None:
        self._project = project
        self._once = once
        self._quiet = quiet
        self._tells_end = not (quiet and json)  # the answer in JSON has the name and the result

    def started(self, experiment: Experiment) -> None:
        with contextlib.suppress(OSError, errors.GitexpError):
            render.warn_all(experiment.record.warnings)
            warn_of_namesakes(self._project, experiment.name)
            if not self._quiet:
                render.say(f"{experiment.name} started", "dim")

    def new_files(self, files: Sequence[str]) -> None:
        if not self._quiet:
            with contextlib.suppress(OSError):
                render.say(told_of_untracked(files, "part of the experiment"), "dim")

    def same(self, experiment: Experiment) -> None:
        if (self._once and self._tells_end) or not self._quiet:
            with contextlib.suppress(OSError):
                render.say(same_line(experiment, runs=not self._once))

    def ended(self, result: Result) -> None:
        with contextlib.suppress(OSError):
            render.warn_all(result.warnings)
            if self._tells_end and result.again:
                render.say(ended_line(result.experiment))
            if result.failure is not None:
                render.fail(result.failure)
            elif result.hint:
                render.hint(result.hint)


@contextlib.contextmanager
def _descriptors(*, no_output: bool, json: bool) -> Iterator[tuple[int, int]]:
    """Give the file descriptors that show the output and the errors of the command."""
    if no_output:
        with Path(os.devnull).open("wb") as nowhere:
            yield nowhere.fileno(), nowhere.fileno()
    elif json:
        yield 2, 2
    else:
        yield 1, 2


def _refuse_flags(given: dict[str, bool]) -> None:
    """Raise UsageError for a flag about stages where a command is to run."""
    for flag, is_given in given.items():
        if is_given:
            raise errors.UsageError(
                f"--{flag.replace('_', '-')} is for stages, and a command is to run.",
                "Stages stand under stages: in gitexp.yaml, and are named without -- before them.",
            )


def _refuse_elsewhere(asked: dict[str, object]) -> None:
    """Raise UsageError for a flag that runs other code: --dry-run answers for the workspace's code alone."""
    if names := [f"--{name}" for name, value in asked.items() if value]:
        raise errors.UsageError(
            f"--dry-run looks at the workspace, and does not go together with {' and '.join(names)}.",
            "Without --dry-run, what any experiment has computed is restored, and the rest runs.",
        )
