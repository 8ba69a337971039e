"""The part of `gitexp export` for another tool: `gitexp export --as TOOL`."""

from __future__ import annotations

from gitexp import errors, plugins
from gitexp.catalog.query import UNGROUPED, Query
from gitexp.cli.kit.terminal import render
from gitexp.extras.integrations.exporters.exporter import ExportedRuns, RunExporter
from gitexp.extras.integrations.exporters.places import is_in_workspace
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.views.table import table
from gitexp.words import counted

_MOST_WARNINGS = 20
_STEP = 20  # experiments between two words of progress


def export_to(
    project: Project, kind: str, query: Query, place: str | None, *, quiet: bool, json: bool
) -> None:
    """Write the experiments of a query for another tool, and report them.

    Args:
        kind: the name of an exporter.
        place: a path or a URL; None for the usual place of the tool.
    """
    exporter = _exporter(kind)
    experiments, left_out = _chosen(project, query)
    if not experiments:
        raise errors.UsageError(
            "There is no experiment to be exported." + "".join(f" {each}" for each in left_out[:1]),
            f"gitexp export --all --as {kind} takes those of all baselines.",
        )

    def tell(count: int) -> None:
        if not quiet and count % _STEP == 0:
            render.draw(f"{counted(count, 'experiment')} …")

    try:
        done = exporter.write(project, experiments, exporter.place if place is None else place, tell)
    finally:
        if not quiet:
            render.draw("")
    remarks = [*left_out, *done.remarks]
    render.warn_all(remarks[:_MOST_WARNINGS])
    if len(remarks) > _MOST_WARNINGS:
        render.warn(f"and {counted(len(remarks) - _MOST_WARNINGS, 'more warning')} of this kind")
    if json:
        return render.as_json(
            {
                "tool": kind,
                "place": done.place,
                "written": done.written,
                "known": done.known,
                "remarks": remarks,
            }
        )
    if not quiet:
        render.say(_said(project, exporter, done))
        if done.hint and not project.dry_run:
            render.hint(done.hint)
        if not project.dry_run and is_in_workspace(project, done.place):
            render.hint(f"Runs would store {done.place} too, unless a line in .gitignore says otherwise.")
    return None


def _exporter(kind: str) -> RunExporter:
    """The exporter of a name. Raises UsageError, which says what each of gitexp's own writes."""
    found: RunExporter | None = plugins.find("exporter", kind)
    if found is not None:
        return found
    known = [f"{name} ({plugins.load('exporter', name).writes})" for name in plugins.names("exporter")]
    raise errors.UsageError(f"There is no exporter called '{kind}'.", f"gitexp has: {'; '.join(known)}.")


def _chosen(project: Project, query: Query) -> tuple[list[Experiment], list[str]]:
    """The ended experiments of a query, the oldest first unless sorted; a sentence for each other one."""
    rows = table(project, query._replace(group=UNGROUPED)).experiments
    found, left_out = list[Experiment](), list[str]()
    for row in rows:
        one = row.experiment
        if not isinstance(one, Experiment):
            left_out.append(f"{row.name} cannot be read, and is left out: {row.error}")
        elif not one.record.status.ended:
            left_out.append(f"{one.name} is {one.record.status}, and is left out.")
        else:
            found.append(one)
    if query.sort is None:
        found.reverse()
    return found, left_out


def _said(project: Project, exporter: RunExporter, done: ExportedRuns) -> str:
    verb = "would be written" if project.dry_run else "written"
    said = f"{counted(done.written, 'experiment')} {verb} to {done.place} for {exporter.title}"
    if done.known:
        said += f"; {done.known:,} were there already"
    return said + "."
