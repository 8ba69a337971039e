"""`gitexp doctor`."""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Any

import typer

from gitexp.cli.kit import options
from gitexp.cli.kit.help import registration
from gitexp.cli.kit.session import open_project
from gitexp.cli.kit.terminal import render
from gitexp.upkeep import doctor as ops
from gitexp.upkeep.doctor import Diagnosis, Finding
from gitexp.words import clean, counted

EPILOG = """Examples:
gitexp doctor
gitexp doctor --fix
"""


def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can safely be mended.")] = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Look for what is wrong with the experiments stored here.

    Every ref, record and object, locks and worktrees left by crashes, the trash. --fix deletes no part of an
    experiment. Exits with 1 if a problem is left.
    """
    report = ops.examine(open_project(quiet=quiet, dry_run=dry_run), mend=fix)
    if json:
        render.as_json(_report(report))
    else:
        _tell(report, fix=fix, quiet=quiet)
    if not report.healthy:
        raise typer.Exit(1)


register = registration(doctor, EPILOG)


def _tell(report: Diagnosis, *, fix: bool, quiet: bool) -> None:
    render.answer(chain.from_iterable(map(_lines, report.findings)))
    if quiet:
        return
    if not fix and any(finding.mend for finding in report.findings):
        render.hint("gitexp doctor --fix mends some of it.")
    looked = f"{counted(report.experiments, 'experiment')}, {report.trashed:,} in the trash"
    render.say(f"{looked}: {'all in order' if report.healthy else 'see above'}.")


def _lines(finding: Finding) -> list[str]:
    state = "note"
    if finding.mended:
        state = "mended"
    elif finding.problem:
        state = "problem"
    lines = [f"{state}: {clean(finding.message)}"]
    if finding.hint is not None and not finding.mended:
        lines.append(f"  {clean(finding.hint)}")
    return lines


def _report(report: Diagnosis) -> dict[str, Any]:
    return {
        "healthy": report.healthy,
        "experiments": report.experiments,
        "trashed": report.trashed,
        "operations": report.operations,
        "findings": list(map(_finding, report.findings)),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "problem": finding.problem,
        "message": finding.message,
        "hint": finding.hint,
        "mendable": finding.mend is not None,
        "mended": finding.mended,
    }
