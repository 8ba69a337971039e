"""`gitexp engine`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gitexp import errors, plugins
from gitexp.cli.kit import options
from gitexp.cli.kit.help import Command, ListingGroup
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.extras.engines import checking, job_clone, job_environment, restart, settings
from gitexp.extras.engines import probe as probing
from gitexp.extras.engines.engine import AGAIN, ENDING, ENGINE, JOB, MADE_ROOM, WITHOUT
from gitexp.extras.engines.job_clone import Origin
from gitexp.extras.queue import workers
from gitexp.extras.queue.listing import lines
from gitexp.extras.queue.workers import Orders
from gitexp.model import Experiment, Status
from gitexp.process import limits
from gitexp.project.sections.engine_choice import EngineChoice

_OF_SLURM = "SLURM_TMPDIR"  # a variable of Slurm's jobs, where there is such a folder

EPILOG_LIST = """Examples:
gitexp engine list
"""

EPILOG_CHECK = """Examples:
gitexp engine check lab
gitexp engine check slurm --wait 600
"""
EngineName = Annotated[
    str, typer.Argument(metavar="NAME", help="A name under engines:, or a kind of engine.")
]
Wait = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", min=1, help="Wait so long for the answers.")
]
ExperimentName = Annotated[str, typer.Argument(metavar="EXP", help="A queued experiment.")]
MaxRetries = Annotated[int, typer.Option("--max-retries", metavar="N", min=0, help="As of queue start.")]
Clone = Annotated[str, typer.Option("--clone", metavar="URL", help="Work in a clone of this Git remote.")]
RemoteName = Annotated[str, typer.Option("--remote", metavar="NAME", help="The name of that remote.")]
ProjectFolder = Annotated[
    str, typer.Option("--project", metavar="FOLDER", help="The project in the repository.")
]
Folder = Annotated[str, typer.Option("--folder", metavar="FOLDER", help="Where clones are kept.")]
ObjectFormat = Annotated[str, typer.Option("--object-format", metavar="FORMAT", help="sha1 or sha256.")]
Scratch = Annotated[
    str, typer.Option("--scratch", metavar="FOLDER", help="Where the run works, on the disk of this machine.")
]
Environment = Annotated[
    str, typer.Option("--environment", metavar="uv", help="Build the environment of the run with it.")
]
KeepWorktree = Annotated[bool, typer.Option("--keep-worktree", help="As of queue start.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="engine", cls=ListingGroup, help="Where --engine has experiments run: Slurm, say."
    )
    group.command("list", cls=Command, epilog=EPILOG_LIST)(list_)
    group.command("check", cls=Command, epilog=EPILOG_CHECK)(check)
    group.command("probe", cls=Command, hidden=True)(probe)
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


def check(
    name: EngineName, wait: Wait = 120.0, quiet: options.Quiet = False, json: options.Json = False
) -> None:
    """Look whether jobs of an engine find what they need on each of its hosts.

    A short job looks for gitexp, Git, the repository or the Git remote, the data remotes and the GPUs. The
    exit code is 1 if something is missing.
    """
    project = open_project(quiet=quiet)
    found = plugins.load("dispatch", "check")(project, EngineChoice(name), wait)
    if json:
        render.as_json_list(one.as_json() for one in found)
    else:
        render.answer(lines([checking.HEAD, *map(checking.cells, found)]))
        for one in found:
            for missing in one.missing:
                render.warn(f"{one.place or name}: {missing.what.rstrip('.')}.")
                if missing.hint:
                    render.hint(missing.hint)
    if any(one.missing for one in found):
        raise typer.Exit(1)


def probe(
    clone: Clone = "",
    remote: RemoteName = "origin",
    project: ProjectFolder = "",
    folder: Folder = "",
    object_format: ObjectFormat = "sha1",
    scratch: Scratch = "",
    environment: Environment = "",
) -> None:
    """Probe this machine as a job, and print the findings in one line."""
    found = probing.of_machine()
    try:
        if clone:
            _enter(Origin(clone, remote, object_format), folder, project)
        opened = open_project(quiet=True)
        with opened.local.scratch() as aside:
            config = os.environ.get(probing.CONFIG, "")
            found |= probing.of_project(opened, remote if clone else "", config, aside)
        found |= probing.of_place(opened, lambda: _disk(scratch), environment)
    except errors.GitexpError as error:
        found["trouble"] = error.as_json()
    render.answer([probing.line(found)], page=False)


def job(
    exp: ExperimentName,
    max_retries: MaxRetries = workers.MAX_RETRIES,
    keep_worktree: KeepWorktree = False,
    timeout: options.Timeout = "",
    max_memory: options.MaxMemory = "",
    clone: Clone = "",
    remote: RemoteName = "origin",
    project: ProjectFolder = "",
    folder: Folder = "",
    object_format: ObjectFormat = "sha1",
    scratch: Scratch = "",
    environment: Environment = "",
) -> None:
    """Be the job of an engine: run one queued experiment, unless somebody else was quicker."""
    own = limits.parse(timeout, max_memory)
    engine, id = os.environ.get(ENGINE, ""), os.environ.get(JOB, "")
    ending = os.environ.get(ENDING, "")
    orders = Orders(max_retries, keep_worktree, own, engine=engine, job=id)
    orders = orders._replace(scratch=_disk(scratch), environment=environment)
    if clone:
        _enter(Origin(clone, remote, object_format), folder, project)
    found = open_project(quiet=True)
    with workers.enlisted(found.local) as worker:
        if clone:
            job_clone.work(found, worker, orders, exp, remote)
            return
        restart.take_on_again(found, exp, orders, made_room=bool(os.environ.get(MADE_ROOM)))
        waiting = found.store.get(exp)
        if isinstance(waiting, Experiment) and waiting.record.status is Status.QUEUED:
            job_environment.enter(found, waiting, environment)
        plugins.load("worker", "queue")(found, worker, orders, {exp}, is_alone=lambda: False)
        if ending and Path(ending).exists() and restart.goes_on_later(found, exp, orders):
            raise typer.Exit(AGAIN)


def _disk(scratch: str) -> str:
    """The folder for the run's workspace, from the settings; "" for the repository.

    Without a word in the settings: the folder that Slurm makes for each job on some clusters.
    """
    if scratch == WITHOUT:
        return ""
    found = Path(os.path.expandvars(scratch or f"${_OF_SLURM}")).expanduser()
    if found.is_absolute():
        return str(found)
    if scratch and "$" not in str(found):
        raise errors.UsageError(
            f"scratch: of the engine is not an absolute path here: '{scratch}'.", "For example: scratch: /tmp"
        )
    return ""  # of a variable that this machine does not have


def _enter(origin: Origin, base: str, project: str) -> None:
    """Go into the folder of the project in this machine's clone."""
    place = job_clone.clone(origin, base) / project
    place.mkdir(parents=True, exist_ok=True)
    os.chdir(place)
