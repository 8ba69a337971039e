"""`gitexp run`."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from gitexp import errors
from gitexp.catalog.lineage import row_of
from gitexp.cli.commands.run_words import RunCommand, explained, meant
from gitexp.cli.commands.status import show
from gitexp.cli.kit import options, render
from gitexp.cli.kit.session import open_project, warn_of_namesakes
from gitexp.cli.kit.summary import ended_line, same_line
from gitexp.model import Experiment
from gitexp.pipeline.state import Reason, StageResult, StageSelection, StageState, sentence
from gitexp.project.project import Project
from gitexp.runs import run as ops
from gitexp.runs.request import RunRequest
from gitexp.stages.execute import StageListener
from gitexp.stages.status import status
from gitexp.times import show_duration

_NO_FLAGS = {"force": False, "single": False, "downstream": False, "keep_going": False, "jobs": 1}

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


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=RunCommand, epilog=EPILOG, context_settings={"allow_interspersed_args": False})(run)


def run(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STAGE...|[--] CMD...]",
            help="Stages to run, or a command; default: all stages, or command: in gitexp.yaml.",
            autocompletion=options.completed_by("stages"),
        ),
    ] = None,
    set_params: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-S",
            metavar="[FILE:]KEY=VALUE",
            help="Change a param: key=value, +key=value to add one, ~key to remove one. Repeatable.",
            autocompletion=options.completed_by("params"),
        ),
    ] = None,
    name: options.Name = "",
    name_template: options.NameTemplate = "",
    note: options.Note = "",
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME=PATTERN",
            help="Take a metric from the output: the last match of a regular expression. Repeatable.",
        ),
    ] = None,
    once: Annotated[
        bool,
        typer.Option("--once", help="If exactly this has been done before, give that result; run nothing."),
    ] = False,
    temp: Annotated[
        bool, typer.Option("--temp", help="Run in an isolated worktree; the workspace stays as it is.")
    ] = False,
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="EXP|REV",
            help="Run the code of an experiment or commit, in an isolated worktree; its command by default.",
            autocompletion=options.completed_by("points"),
        ),
    ] = "",
    with_files: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="FILE[=SOURCE]",
            help="Lay a file over the code of --from: the workspace's, or SOURCE. Repeatable.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Run the stages though they are up to date.")
    ] = False,
    single: Annotated[
        bool, typer.Option("--single", "-s", help="Run the named stages alone, not what they stand on.")
    ] = False,
    downstream: Annotated[
        bool, typer.Option("--downstream", help="Run the named stages and what stands on them.")
    ] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", "-k", help="After a failure, run what does not stand on it.")
    ] = False,
    jobs: Annotated[
        int, typer.Option("-j", "--jobs", metavar="N", min=1, help="Run so many stages at the same time.")
    ] = 1,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would become of each stage here; run and store nothing."),
    ] = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Run a command, or stages, and store that as an experiment.

    Stored are the exact code, params, metrics, log and environment. The workspace is stored before the
    command starts, uncommitted changes and new files included; at the end the results are added. The
    command's exit status is passed on. Ctrl-C stores the experiment as interrupted. What -S changes in
    the params files stays changed; with --temp or --from the workspace is not touched. The command's own
    options are params under args: --lr 0.1 is args.lr.

    Where gitexp.yaml (or dvc.yaml) has stages, those that are not up to date run, in their order, or are
    restored from an experiment that has run the same; with names, these and what they stand on. Options
    may stand after stages. What follows -- is a command, also if a stage is called so.
    """

    options.only_one(**{"name": bool(name), "name-template": bool(name_template)})
    options.only_one(single=single, downstream=downstream)
    if dry_run:
        _refuse_elsewhere({"from": from_, "with": with_files, "temp": temp, "once": once})
    gc.enable()  # the command may take days, and `main` has turned it off
    project = open_project(needs_config=True)

    def started(experiment: Experiment) -> None:
        with contextlib.suppress(OSError, errors.GitexpError):  # words that fail are no reason not to run
            for warning in experiment.record.warnings:
                render.warn(warning)
            warn_of_namesakes(project, experiment.name)
            if not quiet:
                render.say(f"{experiment.name} started", "dim")

    def same(experiment: Experiment) -> None:
        if not quiet:
            with contextlib.suppress(OSError):
                render.say(same_line(experiment, runs=not once))

    with explained(words or []):
        command, selection = meant(project, words or [], ctx)
    flags: dict[str, Any] = {
        "force": force,
        "single": single,
        "downstream": downstream,
        "keep_going": keep_going,
        "jobs": jobs,
    }
    if selection is not None:
        selection = replace(selection, **flags)
    elif flags != _NO_FLAGS or dry_run:
        asked = next((flag for flag in flags if flags[flag] != _NO_FLAGS[flag]), "dry_run")
        raise errors.UsageError(
            f"--{asked.replace('_', '-')} is for stages, and a command is to run.",
            "Stages stand under stages: in gitexp.yaml, and are named without -- before them.",
        )
    if dry_run:
        with explained(words or []):
            return _dry_run(project, selection, set_params or [], json=json)
    request = RunRequest(
        command=command,
        overrides=tuple(set_params or ()),
        name=name,
        name_template=name_template,
        note=note,
        temp=temp,
        from_=from_,
        with_=tuple(with_files or ()),
        metrics=tuple(metric or ()),
        once=once,
        selection=selection,
        listener=_listener(quiet=quiet) if selection is not None else None,
        stdout=2 if json else 1,
        on_start=started,
        on_same=same,
    )
    with explained(words or []):
        result = ops.run(project, request)
    with contextlib.suppress(OSError):
        for warning in result.warnings:
            render.warn(warning)
        if not quiet and result.again:
            render.say(ended_line(result.experiment))
        if result.failure is not None:
            render.fail(result.failure)
        elif result.hint:
            render.hint(result.hint)
    if json:
        render.as_json(row_of(project, result.experiment).as_json())
    raise typer.Exit(result.exit_code)


def _listener(*, quiet: bool) -> StageListener:
    """Return what says how the stages go, where somebody wants to know."""

    def begins(name: str, why: Sequence[Reason], at: int, of: int) -> None:
        with contextlib.suppress(OSError):
            render.say(f"[{at}/{of}] {name}: {sentence(why)}")

    def ends(result: StageResult, at: int, of: int) -> None:
        text = result.text
        if result.state is StageState.RAN:
            text = f"done in {show_duration(result.seconds or 0)}"
        with contextlib.suppress(OSError):
            render.say(f"[{at}/{of}] {result.name}: {text}", "red" if result.error else "dim")

    return StageListener() if quiet else StageListener(begins, ends)


def _refuse_elsewhere(asked: dict[str, object]) -> None:
    """Raise UsageError if other code than the workspace's is asked for: --dry-run would answer for that."""
    if names := [f"--{name}" for name, value in asked.items() if value]:
        raise errors.UsageError(
            f"--dry-run looks at the workspace, and does not go together with {' and '.join(names)}.",
            "Without --dry-run, what any experiment has computed is restored, and the rest runs.",
        )


def _dry_run(project: Project, selection: StageSelection | None, overrides: list[str], *, json: bool) -> None:

    show(status(project, selection, overrides, ask_servers=True), project.typed, json=json)
