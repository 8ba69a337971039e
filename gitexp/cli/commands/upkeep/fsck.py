"""`gitexp fsck`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any

import typer

from gitexp import words
from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.cli.kit.terminal.meter import Meter
from gitexp.upkeep import fsck as ops
from gitexp.upkeep.fsck import BadObject, FsckReport
from gitexp.words import clean

EPILOG = """Examples:
gitexp fsck
gitexp fsck --data-remote store --dry-run
gitexp fsck --json
"""

DataRemote = Annotated[
    str | None, options.data_remote("Ask this data remote for what is not here; default: all.")
]

_SHOWN = 3  # of those who refer to an object


def fsck(
    data_remote: DataRemote = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Read all data in the store, and look for what is missing.

    Damaged data is moved aside, and had again from the workspace, from Git or from a data remote, if
    possible. Exits with 1 if data is lost, and names its experiments.
    """
    project = open_project(quiet=quiet, dry_run=dry_run)
    with Meter("Reading", quiet=quiet or json) as meter:
        report = ops.check(project, remote=data_remote, on_progress=meter)
    if json:
        render.as_json(_report(report))
    else:
        _tell(report, quiet=quiet)
    if not report.healthy:
        raise typer.Exit(1)


register = registration(fsck, EPILOG)


def _tell(report: FsckReport, *, quiet: bool) -> None:
    render.answer(chain.from_iterable(map(_lines, report.findings)))
    render.warn_all(report.complaints)
    read = words.objects(report.objects, report.size)
    if report.elsewhere:
        read += f", {report.elsewhere:,} more on a remote alone"
    if not quiet:
        render.say(f"{read}: {'all in order' if report.healthy else 'see above'}.")


def _lines(finding: BadObject) -> Iterator[str]:
    state = "damaged" if finding.damaged else "missing"
    if finding.mended is not None:
        state += f", had again from {finding.mended}"
    elif finding.unsure:
        state += "; whether anything refers to it is not known"
    elif not finding.holders:
        state += ", and nothing refers to it"
    label = "problem" if finding.problem else "note"
    yield f"{label}: {clean(finding.path or finding.hash)}: {state}"
    if finding.problem:
        holders = words.shorten([clean(holder) for holder in finding.holders], _SHOWN)
        yield f"  {finding.hash[:12]}, of {holders}"


def _report(report: FsckReport) -> dict[str, Any]:
    return {
        "healthy": report.healthy,
        "objects": report.objects,
        "size": report.size,
        "elsewhere": report.elsewhere,
        "findings": list(map(_finding, report.findings)),
        "complaints": list(report.complaints),
    }


def _finding(finding: BadObject) -> dict[str, Any]:
    return {
        "object": finding.hash,
        "state": "damaged" if finding.damaged else "missing",
        "path": finding.path,
        "holders": list(finding.holders),
        "mended": finding.mended,
        "unsure": finding.unsure,
    }
