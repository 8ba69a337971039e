"""`gitexp import`."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from gitexp import plugins
from gitexp.catalog.lineage import row_of
from gitexp.cli.kit import options, render
from gitexp.cli.kit.exchange import contact
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project, warn_of_namesakes
from gitexp.project.project import Project
from gitexp.sharing import import_ as ops
from gitexp.sharing.import_ import Imported
from gitexp.sharing.partner import Fate
from gitexp.words import counted

_MOST_WARNINGS = 20
EPILOG = """Examples:
gitexp import ../other-project exp-333c9
gitexp import https://example.com/team/project.git best --name theirs
gitexp import https://example.com/project.git best --data-from s3://team/data
gitexp import mlflow ./mlruns
"""


DataFrom = Annotated[
    str | None,
    options.option(
        "--data-from",
        metavar="URL|REMOTE",
        help="Where its data is: a URL, a folder, or a data remote of this project.",
        by="data_remotes",
    ),
]


def import_experiment(
    where: Annotated[
        str, typer.Argument(metavar="WHERE", help="Path or URL of the other repository; or mlflow.")
    ],
    exp: Annotated[
        str,
        typer.Argument(
            metavar="EXP", help="Name there, unique prefix or pattern; after mlflow the folder mlruns."
        ),
    ],
    name: Annotated[str | None, options.other_name("Another name for it here.")] = None,
    data_from: DataFrom = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Bring one experiment from another repository, or all runs of a folder of MLflow's.

    Its commits come along, and its data from wherever possible: from the other repository on this machine,
    from --data-from, or from this project's data remote. Data remotes of the other repository are shown, and
    used only if you name one. If another experiment here has the name, the new one is kept as NAME-2.

    `gitexp import mlflow ./mlruns` brings the runs of MLflow's file store: params, metrics with their
    steps, tags, files, models. MLflow kept no code: they have that of their commit, or of HEAD.
    """
    project = open_project(dry_run=dry_run)
    if where in plugins.names("importer"):
        _import_runs(project, where, exp, quiet=quiet, json=json)
        return
    with contact(quiet=quiet) as on_line:
        done = ops.import_experiment(project, where, exp, name, on_line, data_from=data_from)
    warn_of_namesakes(project, done.experiment.name)
    for path, error in done.missing.items():
        render.warn(f"{path} is not here: {error.message}")
    if data_from is None:
        for remote, url in done.data_remotes.items():
            render.hint(
                f"Its data remote {remote} is {url}; if you trust that: --data-from {shlex.quote(url)}"
            )
    if name is not None and done.experiment.name != name:
        render.warn(f"It is here already as {done.experiment.name}, and keeps that name.")
        render.hint(f"To give it the other: gitexp rename {done.experiment.name} {name}")
    if json:
        render.as_json(row_of(project, done.experiment).as_json())
    elif not quiet:
        render.say(_said(done))


def _import_runs(project: Project, tool: str, folder: str, *, quiet: bool, json: bool) -> None:
    done = plugins.load("importer", tool)(project, project.here / folder)
    for warning in done.warnings[:_MOST_WARNINGS]:
        render.warn(warning)
    if json:
        render.as_json([row_of(project, one).as_json() for one in done.experiments])
        return
    if quiet:
        return
    verb = "Would import" if project.dry_run else "Imported"
    left = []
    if done.known:
        left.append(f"{done.known:,} were here already")
    if done.deleted:
        left.append(f"{done.deleted:,} deleted ones are left out")
    render.say(f"{verb} {counted(len(done.experiments), 'run')}{'; '.join(['', *left])}.")


register = registration(import_experiment, EPILOG, "import")


def _said(done: Imported) -> str:
    here = done.experiment.name
    match done.shared.fate:
        case Fate.UP_TO_DATE:
            return f"{here} is here already."
        case Fate.UPDATED | Fate.UNITED:
            return f"{here} is here already; its note and tags were brought up to date."
        case Fate.NEW:
            return f"Imported {here}."
    return f"Imported as {here}: {done.shared.reason}."
