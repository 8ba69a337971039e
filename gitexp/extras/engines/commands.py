"""`gitexp engine`."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from gitexp import errors, plugins
from gitexp.cli.kit import options, render
from gitexp.cli.kit.help import Command, Subcommands
from gitexp.cli.kit.session import open_project
from gitexp.extras.engines import settings
from gitexp.extras.engines.engine import ENGINE, JOB
from gitexp.extras.queue import workers
from gitexp.extras.queue.workers import Orders
from gitexp.process import limits

EPILOG_LIST = """Examples:
gitexp engine list
"""

ExperimentName = Annotated[str, typer.Argument(metavar="EXP", help="A queued experiment.")]
MaxRetries = Annotated[int, typer.Option("--max-retries", metavar="N", min=0, help="As of queue start.")]
KeepWorktree = Annotated[bool, typer.Option("--keep-worktree", help="As of queue start.")]


class Engines(Subcommands):
    """The group of the commands. Alone, it lists the engines."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of the command line."""
        asks_for_list = not args or (args[0].startswith("-") and args[0] != "--help")
        return super().parse_args(ctx, ["list", *args] if asks_for_list else args)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(name="engine", cls=Engines, help="Where --engine has experiments run: Slurm, say.")
    group.command("list", cls=Command, epilog=EPILOG_LIST)(list_)
    group.command("job", cls=Command, hidden=True)(job)
    app.add_typer(group)


def list_(quiet: options.Quiet = False, json: options.Json = False) -> None:
    """Print the engines of gitexp.yaml, and the kinds that need no words there."""
    project = open_project(quiet=quiet)
    rows = []
    for one in settings.every(project):
        try:
            told = settings.made(one).describe()
        except errors.GitexpError as error:
            told = f"cannot be used: {error.message}"
        rows.append({"name": one.name, "kind": one.kind, "remote": one.remote, "description": told})
    if json:
        return render.as_json_list(rows)
    return render.answer(f"{row['name']}  {row['kind']}  {row['description']}" for row in rows)


def job(
    exp: ExperimentName,
    max_retries: MaxRetries = workers.MAX_RETRIES,
    keep_worktree: KeepWorktree = False,
    timeout: options.Timeout = "",
    max_memory: options.MaxMemory = "",
) -> None:
    """Be the job of an engine: run one queued experiment, unless somebody else was quicker."""
    own = limits.parse(timeout, max_memory)
    engine, id = os.environ.get(ENGINE, ""), os.environ.get(JOB, "")
    orders = Orders(max_retries, keep_worktree, own, engine=engine, job=id)
    project = open_project()
    with workers.enlisted(project.local) as worker:
        plugins.load("worker", "queue")(project, worker, orders, {exp}, is_alone=lambda: False)
