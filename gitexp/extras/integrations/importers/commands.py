"""The part of `gitexp import` for the runs of another tool."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from gitexp import errors, plugins
from gitexp.catalog import filters, rows
from gitexp.catalog.lineage import row_of
from gitexp.cli.kit.terminal import render
from gitexp.extras.integrations.importers.columns_asked import with_columns
from gitexp.extras.integrations.importers.foreign import Importer, Place
from gitexp.extras.integrations.importers.importing import ImportedRuns, Request, import_runs
from gitexp.extras.integrations.importers.recognise import recognise
from gitexp.extras.integrations.importers.servers import address
from gitexp.model import Experiment, Record
from gitexp.project.project import Project
from gitexp.words import counted

_MOST_WARNINGS = 20
_STEP = 20  # runs between two words of progress


def import_of(
    project: Project,
    kind: str,
    place: str,
    columns: Mapping[str, str],
    *,
    into: str,
    history: str,
    text: str | None,
    quiet: bool,
    json: bool,
) -> None:
    """Bring runs, and report them.

    Args:
        kind: the name of an importer; "" to be found from the files.
        place: the path of a file or folder, or the URL of a server.
        columns: roles of the columns of a sheet by header.
        into: the baseline of the runs; "" for the commit of each.
        history: a revision, whose commits are runs too; "" for none.
        text: a filter; None for all runs.
    """
    path = _place(project, place)
    kind, importer = _importer(kind, path, place)
    importer = with_columns(project, importer, path, columns)
    if history:
        importer = importer.with_history(history)

    def tell(count: int) -> None:
        if not quiet and count % _STEP == 0:
            render.draw(f"{counted(count, 'run')} …")

    request = Request(kind, path, into, _wanted(project, text), tell)
    try:
        done = import_runs(project, importer, request)
    finally:
        if not quiet:
            render.draw("")
    for warning in done.warnings[:_MOST_WARNINGS]:
        render.warn(warning)
    if len(done.warnings) > _MOST_WARNINGS:
        render.warn(f"and {counted(len(done.warnings) - _MOST_WARNINGS, 'more warning')} of this kind")
    if json:
        rows = [row_of(project, one).as_json() for one in (*done.experiments, *done.grown)]
        render.as_json(rows)
    elif not quiet:
        render.say(_said(project, importer, done))
        if done.experiments and not project.dry_run:
            shown = f"gitexp show -A --filter \"imported == '{kind}'\""
            render.hint(f"To see them: {shown}")
            render.hint("To take them back: gitexp undo")


def _place(project: Project, given: str) -> Place:
    if address.is_address(given):
        return address.parse(given)
    return project.here / Path(given).expanduser()


def _importer(kind: str, place: Place, given: str) -> tuple[str, Importer]:
    """The named importer, or the importer for the place."""
    if kind:
        return kind, plugins.load("importer", kind)
    found = recognise(place)
    if len(found) == 1:
        return found[0].kind, found[0].importer
    path = shlex.quote(given)
    if found:
        ways = " or ".join(f"gitexp import {each.kind} {path}" for each in found)
        titles = " and of ".join(each.importer.title for each in found)
        raise errors.UsageError(f"{given} has runs of {titles}.", f"Say which: {ways}")
    if isinstance(place, Path) and not place.exists():
        raise errors.UsageError(
            f"{given} is not there.", "gitexp import --help has examples.", code="nothing-to-import"
        )
    raise errors.UsageError(
        f"Nothing in {given} looks like runs of a tool that gitexp knows.",
        f"Name the tool ({', '.join(plugins.names('importer'))}), or an experiment of another repository: "
        f"gitexp import {path} EXP",
        code="nothing-to-import",
    )


def _wanted(project: Project, text: str | None) -> Callable[[Record], bool] | None:
    """The filter as a function of a record; None for no filter."""
    if text is None:
        return None
    asked, now = filters.parse(text), datetime.now(UTC)

    def holds(record: Record) -> bool:
        return asked.matches(rows.of_one(Experiment(record.name, project.repo.zero, record), None, ()), now)

    return holds


def _said(project: Project, importer: Importer, done: ImportedRuns) -> str:
    verb = "Would import" if project.dry_run else "Imported"
    parts = [f"{verb} {counted(len(done.experiments), 'run')} of {importer.title}"]
    if done.grown:
        parts.append(f"{len(done.grown):,} with more than before brought up to date")
    if done.known:
        parts.append(f"{done.known:,} were here already")
    for why, count in done.left_out.items():
        parts.append(f"{count:,} left out, {why}")
    return "; ".join(parts) + "."
