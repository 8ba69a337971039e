"""`gitexp artifacts`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.datasets import artifact_files, run_artifacts
from gitexp.datasets.run_artifacts import RunArtifact
from gitexp.views import markup
from gitexp.words import clean, human_size

EPILOG = """Examples:
gitexp artifacts exp-333c9
gitexp artifacts exp-333c9 figures models/best.pt --output /tmp/best
"""


Exp = Annotated[str, options.argument("EXP", "Name, unique prefix, commit id, last or @{1}.", "experiments")]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Files or folders among the artifacts; default: all."),
]
Out = Annotated[Path | None, options.output("Copy them into this folder.", metavar="DIR")]


def artifacts(
    exp: Exp,
    names: Names = None,
    out: Out = None,
    force: Annotated[bool, options.force("Replace files in the folder of --output.")] = False,
    limit: options.Limit = None,
    form: options.AsTable = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """List the files that a run has logged, or copy them out.

    Figures, tables, models and other files that the script of a run has logged from Python (log_figure,
    log_artifact, ...). They stand beside the code, so gitexp branch and gitexp apply leave them where they
    are. Content that is not here is fetched from the data remote.
    """
    if out is not None and (limit is not None or form is not None):
        raise errors.UsageError("--limit and --format are about the list.", "Leave them out, or --output.")
    options.only_one(json=json, format=form is not None)
    project = open_project(quiet=quiet, dry_run=dry_run)
    experiment = lookup.require_own(project, exp)
    found = run_artifacts.chosen(project, experiment, names or ())[:limit]
    if form is not None:
        return render.answer(markup.of_documents(form, (each.as_json() for each in found)))
    if out is not None:
        artifact_files.write_to(project, project.here / out, found, force=force)
    if json:
        folder = None if out is None else str(project.here / out)
        return render.as_json(_as_json(experiment.name, folder, found))
    if out is None and found:
        return render.answer(_lines(found))
    if not quiet:
        render.say(_told(experiment.name, out, found))
    return None


register = registration(artifacts, EPILOG)


def _as_json(name: str, folder: str | None, found: list[RunArtifact]) -> dict[str, Any]:
    return {"experiment": name, "folder": folder, "artifacts": [each.as_json() for each in found]}


def _lines(found: list[RunArtifact]) -> list[str]:
    sizes = [human_size(each.size) for each in found]
    width = max(map(len, sizes))
    lines = []
    for each, size in zip(found, sizes, strict=True):
        lines.append(f"{size:>{width}}  {clean(each.name)}")
    return lines


def _told(name: str, out: Path | None, found: list[RunArtifact]) -> str:
    if not found:
        return f"{name} has logged no files."
    files = "1 file" if len(found) == 1 else f"{len(found):,} files"
    return f"{files} copied to {out}"
