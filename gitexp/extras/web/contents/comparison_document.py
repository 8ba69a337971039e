"""Some experiments, commits or the workspace side by side, for the page of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitexp import errors
from gitexp.catalog import lookup, sources
from gitexp.catalog.lookup import Point
from gitexp.extras.plots.palette import colours
from gitexp.extras.web.contents import code_document, command_lines, run_files
from gitexp.extras.web.contents.pictures import in_steps
from gitexp.extras.web.contents.plain import cell_of, plain
from gitexp.model import MISSING, Experiment
from gitexp.project.directions import direction
from gitexp.project.project import Project
from gitexp.views import diff as differences
from gitexp.views import diff_json
from gitexp.views.compare import ComparedKey, flat_of, values
from gitexp.views.diff import Diff
from gitexp.views.environments import packages_of

Document = dict[str, Any]

MOST_POINTS = 200
_MOST_KEYS = 1_000


def comparison_document(project: Project, points: Sequence[Point]) -> Document:
    """Params, metrics and packages side by side, only what differs, with a value for each point.

    Raises UsageError for fewer than two points.
    """
    if len(points) < 2:
        raise errors.UsageError("A comparison needs two experiments.", "Choose them in the table.")
    shown = points[:MOST_POINTS]
    labels = [point.label for point in shown]
    params, metrics = values(project, shown)
    complaints = [text for point in shown for text in point.complaints]
    if len(shown) < len(points):
        complaints.append(f"The first {len(shown)} of {len(points):,} are compared.")
    return {
        "points": [_point(point) for point in shown],
        "colours": dict(zip(labels, colours(labels), strict=True)),
        "params": _part(params),
        "metrics": _part(metrics, project.config.directions),
        "environment": _environment(project, shown),
        "pictures": _pictures(project, shown),
        "commands": command_lines.of_comparison([_word(point) for point in shown]),
        "complaints": complaints,
    }


def difference_document(project: Project, old: Point, new: Point) -> Document:
    """All that differs between two points, with the code side by side."""
    pair = lookup.beside(project, old, new), lookup.beside(project, new, old)
    return _difference(project, differences.diff(project, *pair), (_word(old), _word(new)))


def changes_document(project: Project, experiment: Experiment) -> Document:
    """The same between the baseline of an experiment and the experiment."""
    points = differences.beside_baseline(project, experiment)
    return _difference(project, differences.diff(project, *points), (command_lines.word_of(experiment),))


def _difference(project: Project, found: Diff, words: Sequence[str]) -> Document:
    document: Document = plain(diff_json.as_json(found, None))
    complaints = [*found.old.complaints, *found.new.complaints]
    return {
        **document,
        "sides": code_document.side_by_side(project, found),
        "line": command_lines.line("diff", *words, "--code"),
        "complaints": complaints,
    }


def values_document(project: Project, point: Point, packages: Mapping[str, str]) -> Document:
    """What an export needs of a point to compare it with others."""
    params, metrics = flat_of(project, point)
    directions = {key: direction(key, project.config.directions) for key in metrics}
    return {
        "point": _point(point),
        "colour": colours([point.label])[0],
        "params": {key: cell_of(value) for key, value in params.items()},
        "metrics": {key: cell_of(value) for key, value in metrics.items()},
        "packages": dict(packages),
        "better": {key: better for key, better in directions.items() if better},
    }


def _word(point: Point) -> str:
    """What a point is called in a command."""
    return point.label if point.experiment is None else command_lines.word_of(point.experiment)


def _point(point: Point) -> Document:
    document: Document = {"name": point.label, "key": _word(point), "commit": point.commit, "kind": "commit"}
    if point.commit is None:
        document["kind"] = "workspace"
    if point.experiment is not None:
        record = point.experiment.record
        document |= {"kind": "experiment", "status": str(record.status), "created": record.created}
        document |= {"note": record.note, "tags": [*record.tags], "command": record.command}
    return document


def _part(items: Sequence[ComparedKey], directions: Mapping[str, str] | None = None) -> Document:
    rows = []
    for item in items[:_MOST_KEYS]:
        known = None if directions is None else direction(item.key, directions)
        rows.append({"key": item.key, "values": [cell_of(value) for value in item.values], "better": known})
    return {"rows": rows, "count": len(items)}


def _environment(project: Project, points: Sequence[Point]) -> Document:
    """The packages that differ among the points that have listed theirs."""
    own = [point.experiment for point in points if point.experiment and sources.is_own(point.experiment)]
    packages = dict(zip([one.id for one in own], packages_of(project, own), strict=True))
    lists = [packages.get(point.experiment.id, {}) if point.experiment else {} for point in points]
    names = sorted({name for each in lists for name in each})
    rows = list[Document]()
    for name in names:
        versions = [each.get(name, MISSING) if each else MISSING for each in lists]
        told = {version for version, each in zip(versions, lists, strict=True) if each}
        if len(told) > 1:
            rows.append({"key": name, "values": [cell_of(version) for version in versions]})
    return {"rows": rows[:_MOST_KEYS], "count": len(rows)}


def _pictures(project: Project, points: Sequence[Point]) -> list[Document]:
    by_run = dict[str, list[str]]()
    for point in points:
        if point.experiment is not None:
            found = run_files.listed(project, point.experiment, (run_files.ARTIFACTS,))
            by_run[point.label] = [path for path, _ in found[run_files.ARTIFACTS]["files"]]
    return in_steps(by_run)
