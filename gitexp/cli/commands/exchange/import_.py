"""`gitexp import`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from gitexp import errors, plugins
from gitexp.catalog.lineage import row_of
from gitexp.cli.commands.exchange.import_bundle import import_bundle
from gitexp.cli.kit import options
from gitexp.cli.kit.exchange import contact
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project, warn_of_namesakes
from gitexp.cli.kit.terminal import render
from gitexp.sharing import import_ as ops
from gitexp.sharing.bundles.contents import BUNDLE, is_bundle
from gitexp.sharing.import_ import Imported
from gitexp.sharing.partner import Fate

EPILOG = """Examples:
gitexp import ../other-project exp-333c9
gitexp import https://example.com/team/project.git best --name theirs
gitexp import https://example.com/project.git best --data-from s3://team/data
gitexp import mlflow ./mlruns
gitexp import mlflow http://localhost:5000
gitexp import wandb ./wandb --filter "acc > 0.9"
gitexp import csv results.csv --column "top 1=metric:acc" --column who=user
gitexp import dvc . --commits-of main
gitexp import ./runs    (whatever has left them)
gitexp import experiments.gitexp    (a bundle of gitexp export --as bundle)
"""

Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="HEADER=ROLE",
        help="What a column of a sheet is: param, metric, name, tags, note, skip, param:NAME, …",
    ),
]
Into = Annotated[
    str,
    options.option(
        "--into",
        metavar="COMMIT",
        help="The commit that the runs of a tool are to stand on; default: that of each.",
        by="points",
    ),
]

History = Annotated[
    str,
    options.option(
        "--commits-of",
        metavar="REVISION",
        help="Of DVC and DagsHub: the commits of this branch, where results or params changed.",
        by="points",
    ),
]

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
        str,
        typer.Argument(
            metavar="WHERE", help="Path or URL of the other repository; or a tool, such as wandb."
        ),
    ],
    exp: Annotated[
        str | None,
        typer.Argument(
            metavar="[EXP]",
            help="Name there, unique prefix or pattern; after a tool its folder, file or URL.",
        ),
    ] = None,
    column: Columns = None,
    into: Into = "",
    history: History = "",
    filter_: options.Filter = None,
    name: Annotated[str | None, options.other_name("Another name for it here.")] = None,
    data_from: DataFrom = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Bring experiments from another repository or a bundle, or the runs of another tool.

    Its commits come along, and its data from wherever possible: from the other repository on this machine,
    from --data-from, or from this project's data remote. Data remotes of the other repository are shown, and
    used only if you name one. If another experiment here has the name, the new one is kept as NAME-2.

    `gitexp import TOOL PATH` brings runs: params, metrics with their steps, tags, notes, times, files. If the
    tool has noted a commit found here, the commit is the code of the run, with the changes kept by the tool;
    else the run stands on a commit without files, or on the commit of --into. A second import brings what
    is new. `gitexp import PATH` finds out the tool by the files.

    `gitexp import FILE.gitexp` takes a bundle of `gitexp export --as bundle`, without a network: all its
    experiments or EXP alone, with code and data, checked before any comes in.
    """
    project = open_project(dry_run=dry_run)
    file = project.here / Path(where).expanduser()
    of_runs = bool(into or column or history or filter_ is not None)
    if _is_bundle(file):
        _require_no_options(of_runs or data_from)
        words = () if exp is None else (exp,)
        import_bundle(project, file, words, name, quiet=quiet, json=json)
    elif exp is None or _is_tool(where):
        _require_runs(name is not None or data_from is not None)
        kind, place = ("", where) if exp is None else (where, exp)
        import_of: Callable[..., None] = plugins.load("import", "runs")
        roles = _roles(column or ())
        import_of(
            project, kind, place, roles, into=into, history=history, text=filter_, quiet=quiet, json=json
        )
    else:
        _require_no_options(of_runs)
        with contact(quiet=quiet) as on_line:
            done = ops.import_experiment(project, where, exp, name, on_line, data_from=data_from)
        warn_of_namesakes(project, done.experiment.name)
        _tell_of_data(done, data_from)
        _tell_of_name(done, name)
        if json:
            render.as_json(row_of(project, done.experiment).as_json())
        elif not quiet:
            render.say(_said(done))


def _is_bundle(file: Path) -> bool:
    """Whether a file is a bundle, or is called like one: then a damaged one gets a fitting error."""
    return is_bundle(file) or (file.suffix == BUNDLE and file.is_file())


def _require_no_options(given: object) -> None:
    """Raise UsageError for options about another tool's runs beside experiments of gitexp's."""
    if given:
        raise errors.UsageError(
            "--into, --column, --commits-of and --filter are for runs of a tool, not for experiments.",
            "One experiment: gitexp import WHERE EXP",
        )


def _require_runs(given: bool) -> None:
    """Raise UsageError for options about one experiment beside a tool."""
    if given:
        raise errors.UsageError(
            "--name and --data-from are for experiments of another repository.",
            "Runs of a tool keep their names: gitexp import TOOL PATH; gitexp rename gives others.",
        )


def _tell_of_name(done: Imported, name: str | None) -> None:
    """Warn of an experiment that is here under another name than the asked one."""
    if name is not None and done.experiment.name != name:
        render.warn(f"It is here already as {done.experiment.name}, and keeps that name.")
        render.hint(f"To give it the other: gitexp rename {done.experiment.name} {name}")


def _tell_of_data(done: Imported, data_from: str | None) -> None:
    """Warn of missing data, and name the other repository's data remotes if the user named none."""
    for path, error in done.missing.items():
        render.warn(f"{path} is not here: {error.message}")
    if data_from is None:
        for remote, url in done.data_remotes.items():
            render.hint(
                f"Its data remote {remote} is {url}; if you trust that: --data-from {shlex.quote(url)}"
            )


def _roles(given: Sequence[str]) -> dict[str, str]:
    """The roles of columns by header, from `--column`."""
    found = {}
    for text in given:
        header, equals, role = text.rpartition("=")
        if not equals:
            raise errors.UsageError(f"--column {text} has no role.", f'Give it one: --column "{text}=param"')
        found[header] = role
    return found


def _is_tool(word: str) -> bool:
    """Whether a word names an importer, of gitexp's or of another package."""
    if word in plugins.names("importer"):
        return True
    return word.isidentifier() and plugins.find("importer", word) is not None


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
