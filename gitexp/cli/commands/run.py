"""`gitexp run`."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING, Annotated

import typer

from gitexp import errors
from gitexp.cli import complete, options
from gitexp.cli.help import Command

if TYPE_CHECKING:
    from gitexp.model import Experiment

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
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=Command, epilog=EPILOG, context_settings={"allow_interspersed_args": False})(run)


def run(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[--] [CMD]...", help="Command to run; default: command: in gitexp.yaml."),
    ] = None,
    set_params: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-S",
            metavar="[FILE:]KEY=VALUE",
            help="Change a param: key=value, +key=value to add one, ~key to remove one. Repeatable.",
            autocompletion=complete.params,
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
            autocompletion=complete.points,
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
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Run a command and store it as an experiment.

    Stored are the exact code, params, metrics, log and environment. The workspace is stored before the
    command starts, uncommitted changes and new files included; at the end the results are added. The
    command's exit status is passed on. Ctrl-C stores the experiment as interrupted. What -S changes in
    the params files stays changed; with --temp or --from the workspace is not touched. The command's own
    options are params under args: --lr 0.1 is args.lr.
    """
    from gitexp.cli import render
    from gitexp.cli.session import open_project, warn_of_namesakes
    from gitexp.cli.summary import ended_line, same_line
    from gitexp.ops import run as ops
    from gitexp.ops.lineage import row_of

    options.only_one(**{"name": bool(name), "name-template": bool(name_template)})
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

    request = ops.Request(
        command=tuple(command) if command else None,
        overrides=tuple(set_params or ()),
        name=name,
        name_template=name_template,
        note=note,
        temp=temp,
        from_=from_,
        with_=tuple(with_files or ()),
        metrics=tuple(metric or ()),
        once=once,
        stdout=2 if json else 1,
        on_start=started,
        on_same=same,
    )
    result = ops.run(project, request)
    with contextlib.suppress(OSError):
        for warning in result.warnings:
            render.warn(warning)
        if not quiet and result.again:
            render.say(ended_line(result.experiment))
        if result.hint:
            render.hint(result.hint)
    if json:
        render.as_json(row_of(project, result.experiment).as_json())
    raise typer.Exit(result.exit_code)
