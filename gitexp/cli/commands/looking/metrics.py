"""`gitexp metrics`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gitexp import errors, files
from gitexp.catalog import rows
from gitexp.catalog.query import Query, matching
from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.query_options import PLAIN, with_query
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.history.measure import Measured, measure
from gitexp.model import readable
from gitexp.project.project import Project
from gitexp.words import PRECISION, clean, show_value

EPILOG = r"""Examples:
gitexp metrics exp-333c9 --from-output 'val_bpb=^val_bpb:\s+(\S+)'
gitexp metrics -A --filter "status == 'done'" --from-output 'acc=acc (\S+)'
gitexp metrics exp-333c9 --from-file eval/results.json
"""

FromOutput = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=PATTERN",
        help="A metric, and the regular expression for it: the last match in the output counts. Repeatable.",
    ),
]
FromFile = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE", help="A file that the experiments hold: its values are metrics. Repeatable."
    ),
]


@with_query
def metrics(
    exps: options.OwnExps = None,
    from_output: FromOutput = None,
    from_file: FromFile = None,
    query: Query = PLAIN,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Have metrics of runs that are over: out of their stored output or files.

    For the named experiments; without names for those of HEAD, with -A of all baselines, that have ended.
    What is not found changes nothing, and is named. gitexp undo takes it back. The exit code is 1 if nothing
    was found at all.
    """
    if not from_output and not from_file:
        raise errors.UsageError(
            "Nothing says where the metrics are.",
            r"For example: gitexp metrics last --from-output 'val_bpb=^val_bpb:\s+(\S+)'",
        )
    project = open_project(dry_run=dry_run)
    patterns = dict(files.parse_printed(text) for text in from_output or ())
    paths = [_path(project, name) for name in from_file or ()]
    options.names_or_query(exps, query != PLAIN)
    names = exps or _names(project, query)
    done = measure(project, names, patterns, paths)
    if json:
        render.as_json_list(map(_as_json, done))
    else:
        _tell(done, quiet=quiet)
    if not any(one.found for one in done):
        raise typer.Exit(1)


register = registration(metrics, EPILOG)


def _names(project: Project, query: Query) -> list[str]:
    """The names of the experiments of a query that have ended."""
    found = [one for one in readable(matching(project, query)) if one.source == "gitexp"]
    return [one.name for one in found if one.record.status.ended]


def _path(project: Project, name: str) -> str:
    """The path from the root of a file that the user names from the present folder."""
    full = Path(project.here, name)
    root = project.repo.root.resolve()
    if not full.is_relative_to(root) or ".." in full.relative_to(root).parts:
        raise errors.UsageError(f"'{name}' is not inside the repository.", "Give a path below this folder.")
    return full.relative_to(root).as_posix()


def _tell(done: Sequence[Measured], *, quiet: bool) -> None:
    for one in done:
        for text in one.missing:
            render.warn(f"{one.experiment.name}: {text}")
        if one.found and not quiet:
            values = rows.flat([one.found])[0]
            told = " · ".join(f"{key} {show_value(value, PRECISION)}" for key, value in values.items())
            render.say(clean(f"{one.experiment.name}  {told}"))
    if not done and not quiet:
        render.say("No experiment is like that.", "dim")


def _as_json(one: Measured) -> dict[str, object]:
    return {"name": one.experiment.name, "metrics": rows.flat([one.found])[0], "missing": list(one.missing)}
