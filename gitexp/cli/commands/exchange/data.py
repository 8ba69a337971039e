"""`gitexp data`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from gitexp import errors, words
from gitexp.catalog.query import Query
from gitexp.cli.kit import options
from gitexp.cli.kit.documents import answer
from gitexp.cli.kit.help import Command, Subcommands
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.meter import Meter
from gitexp.datasets import chosen_data
from gitexp.datasets import status as datasets_status
from gitexp.datasets import sync as ops
from gitexp.datasets.status import MissingObjects
from gitexp.datasets.sync import DataTransfer
from gitexp.model import Artifact
from gitexp.project.project import Project
from gitexp.words import clean, human_size

EPILOG_PUSH = """Examples:
gitexp data push
gitexp data push exp-333c9 exp-55e90
gitexp data push --all -j 16 --data-remote store
"""
EPILOG_PULL = """Examples:
gitexp data pull
gitexp data pull exp-333c9
gitexp data pull --all
"""
EPILOG_STATUS = """Examples:
gitexp data status
gitexp data status exp-333c9 --json
"""

_NAMED = 20  # paths of what failed


def register(app: typer.Typer) -> None:
    """Add the commands."""
    data = typer.Typer(name="data", cls=Subcommands, help="Move data and results to and from data remotes.")
    data.command(cls=Command, epilog=EPILOG_PUSH)(push)
    data.command(cls=Command, epilog=EPILOG_PULL)(pull)
    data.command(cls=Command, epilog=EPILOG_STATUS)(status)
    app.add_typer(data)


Exps = Annotated[
    list[str] | None,
    options.argument(
        "[EXP]...",
        "Experiments or revisions whose data is meant; default: what gitexp.lock here says.",
        "experiments",
    ),
]
Jobs = Annotated[int | None, options.jobs("How many at once; default: as suits the remote.")]
Where = Annotated[str | None, options.data_remote("Which data remote; default: the first one.")]


@with_query
def push(
    exps: Exps = None,
    query: Query = PLAIN,
    jobs: Jobs = None,
    data_remote: Where = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Upload data and results that the remote does not have yet.

    A failure does not stop the rest, and is named at the end. After an interruption the next push goes on
    from there.
    """
    project = open_project(needs_config=True, dry_run=dry_run)
    wanted = _wanted(project, exps, query)
    with Meter("Pushing", quiet=quiet) as meter:
        report = ops.push(project, wanted, remote=data_remote, jobs=jobs, on_progress=meter)
    _end(report, wanted, f"Pushed {_amount(report)} to {report.remote}.", quiet=quiet, json=json)


@with_query
def pull(
    exps: Exps = None,
    query: Query = PLAIN,
    jobs: Jobs = None,
    data_remote: Where = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Download data and results that are not on this machine yet.

    All content is verified, and goes into the store in .git; gitexp checkout then brings it into the
    workspace.
    """
    project = open_project(needs_config=True, dry_run=dry_run)
    wanted = _wanted(project, exps, query)
    with Meter("Pulling", quiet=quiet) as meter:
        report = ops.pull(project, wanted, remote=data_remote, jobs=jobs, on_progress=meter)
    _end(report, wanted, f"Pulled {_amount(report)} from {report.remote}.", quiet=quiet, json=json)


@with_query
def status(
    exps: Exps = None,
    query: Query = PLAIN,
    data_remote: Where = None,
    limit: options.Limit = None,
    form: options.AsTable = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Say which data and results this machine and the remote have."""
    project = open_project(needs_config=True, quiet=quiet)
    found = datasets_status.status(project, _wanted(project, exps, query), remote=data_remote)[:limit]
    if json or form:
        return answer(map(_as_json, found), form, json=json)
    if found:
        render.answer(_lines(found))
    elif not quiet:
        render.say("No gitexp.lock names any data.", "dim")
    if not quiet and any(each.on_remote is None for each in found):
        render.say("There is no data remote; gitexp remote add NAME URL adds one.", "dim")
    return None


def _wanted(project: Project, exps: list[str] | None, query: Query) -> list[Artifact]:
    """The data of experiments; with -A alone also the workspace's. What cannot be read is left out."""
    options.names_or_query(exps, query != PLAIN)
    found = chosen_data.choose(project, exps or (), query if query != PLAIN else None)
    for error in found.left_out:
        render.warn(f"left out: {error.message}")
    return found.artifacts


def _end(report: DataTransfer, wanted: list[Artifact], done: str, *, quiet: bool, json: bool) -> None:
    """Say how a transfer ended. Raises TransferFailed if a part failed."""
    if json:
        render.as_json(_report(report, len(wanted)))
        if report.failed:
            raise typer.Exit(errors.TransferFailed.exit_code)
        return
    if not quiet:
        _tell(report, wanted, done)
    if len(report.failed) > 1:
        for path, error in list(report.failed.items())[:_NAMED]:
            render.warn(f"{path}: {error.message}")
        if len(report.failed) > _NAMED:
            render.warn(f"and {len(report.failed) - _NAMED:,} more.")
    report.check()


def _report(report: DataTransfer, artifacts: int) -> dict[str, Any]:
    return {
        "remote": report.remote,
        "artifacts": artifacts,
        "objects": report.objects,
        "bytes": report.bytes,
        "failed": [{"path": path, **error.as_json()} for path, error in report.failed.items()],
    }


def _tell(report: DataTransfer, wanted: list[Artifact], done: str) -> None:
    if report.objects:
        render.say(done)
    elif wanted and not report.failed:
        render.say(f"Up to date with {report.remote}: nothing to transfer.", "dim")
    elif not report.failed:
        render.say("Nothing to transfer: no gitexp.lock names any data.", "dim")


def _amount(report: DataTransfer) -> str:
    return words.objects(report.objects, report.bytes)


def _lines(found: list[MissingObjects]) -> Iterator[str]:
    width = max((len(each.artifact.path) for each in found), default=0)
    for each in found:
        places = [f"{_count(each.here)}here"]
        if each.on_remote is not None:
            places.append(f"{_count(each.on_remote)}on the remote")
        path = f"{each.artifact.path:<{width}}"
        yield clean(f"{path}  {human_size(each.artifact.size):>7}  {', '.join(places)}")


def _count(missing: int) -> str:
    if not missing:
        return ""
    return f"{missing:,} missing "


def _as_json(missing: MissingObjects) -> dict[str, Any]:
    places = {"missing_here": missing.here, "missing_there": missing.on_remote}
    return {**missing.artifact.as_json(), **places}
