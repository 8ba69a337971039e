"""Some experiments, commits or the workspace side by side, for the page of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitexp import errors
from gitexp.catalog import lookup, sources
from gitexp.catalog.lookup import Point
from gitexp.extras.plots.palette import colours
from gitexp.extras.web.contents import code_document, command_lines, run_files, verdict_documents
from gitexp.extras.web.contents.pictures import in_steps
from gitexp.extras.web.contents.plain import cell_of, plain
from gitexp.model import MISSING, Experiment
from gitexp.project.project import Project
from gitexp.project.sections.directions import direction
from gitexp.views import diff as differences
from gitexp.views import diff_json
from gitexp.views.compare import ComparedKey, ComparedPoints, flat_of, values
from gitexp.views.diff import Diff
from gitexp.views.environments import packages_of
from gitexp.views.uncertainty import Noise, can_be_judged

Document = dict[str, Any]

MOST_POINTS = 200
_MOST_KEYS = 1_000


def comparison_document(project: Project, points: Sequence[Point]) -> Document:
    """The differing params, metrics and packages, with a value for each point.

    Raises UsageError for fewer than two points.
    """
    if len(points) < 2:
        raise errors.UsageError("A comparison needs two experiments.", "Choose them in the table.")
    shown = points[:MOST_POINTS]
    labels = [point.label for point in shown]
    found = values(project, shown)
    complaints = list[str]()
    for point in shown:
        complaints += point.complaints
    if len(shown) < len(points):
        complaints.append(f"The first {len(shown)} of {len(points):,} are compared.")
    return {
        "points": [_point(point) for point in shown],
        "colours": dict(zip(labels, colours(labels), strict=True)),
        "params": _part(found, found.params),
        "metrics": _part(found, found.metrics, project.config.directions),
        "environment": _environment(project, shown),
        "verdicts": verdict_documents.of_points(project, shown),
        "pictures": _pictures(project, shown),
        "commands": command_lines.of_comparison([_word(point) for point in shown]),
        "complaints": complaints,
    }


def difference_document(project: Project, old: Point, new: Point) -> Document:
    """All differences between two points, with the code side by side."""
    pair = lookup.beside(project, old, new), lookup.beside(project, new, old)
    found = differences.with_distances(project, differences.diff(project, *pair))
    return _difference(project, found, (_word(old), _word(new)))


def changes_document(project: Project, experiment: Experiment) -> Document:
    """All differences between the baseline of an experiment and the experiment."""
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


def values_document(
    project: Project, point: Point, packages: Mapping[str, str], noise: Noise | None
) -> Document:
    """The values of a point, for comparisons in an export.

    `noise` has the standard deviation and the degrees of freedom of each metric whose noise is known; it is
    empty for a point that cannot be judged.
    """
    params, metrics = flat_of(project, point)
    better = {}
    for key in metrics:
        known = direction(key, project.config.directions)
        if known:
            better[key] = known
    of_noise = {}
    if noise is not None and (point.experiment is None or can_be_judged(point.experiment)):
        for key in metrics:
            if (of_metric := noise.of_one_run(key)) is not None:
                of_noise[key] = of_metric
    return {
        "point": _point(point),
        "colour": colours([point.label])[0],
        "params": {key: cell_of(value) for key, value in params.items()},
        "metrics": {key: cell_of(value) for key, value in metrics.items()},
        "packages": dict(packages),
        "better": better,
        "noise": of_noise,
    }


def _word(point: Point) -> str:
    """The word for a point in a command."""
    if point.experiment is None:
        return point.label
    return command_lines.word_of(point.experiment)


def _point(point: Point) -> Document:
    document: Document = {"name": point.label, "key": _word(point), "commit": point.commit, "kind": "commit"}
    if point.commit is None:
        document["kind"] = "workspace"
    if point.experiment is not None:
        record = point.experiment.record
        document |= {"kind": "experiment", "status": str(record.status), "created": record.created}
        document |= {"note": record.note, "tags": [*record.tags], "command": record.command}
    return document


def _part(
    found: ComparedPoints, items: Sequence[ComparedKey], directions: Mapping[str, str] | None = None
) -> Document:
    rows = []
    for item in items[:_MOST_KEYS]:
        known = None
        if directions is not None:
            known = direction(item.key, directions)
        row: Document = {
            "key": item.key,
            "values": [cell_of(value) for value in item.values],
            "better": known,
        }
        if any(inside := found.are_inside(item)):
            row["inside"] = inside
        rows.append(row)
    return {"rows": rows, "count": len(items)}


def _environment(project: Project, points: Sequence[Point]) -> Document:
    """The differing packages of the points with a list of packages."""
    lists = _packages(project, points)
    names = set[str]()
    for packages in lists:
        names.update(packages)
    rows = list[Document]()
    for name in sorted(names):
        versions = [packages.get(name, MISSING) for packages in lists]
        different = set[Any]()
        for version, packages in zip(versions, lists, strict=True):
            if packages:
                different.add(version)
        if len(different) > 1:
            rows.append({"key": name, "values": list(map(cell_of, versions))})
    return {"rows": rows[:_MOST_KEYS], "count": len(rows)}


def _packages(project: Project, points: Sequence[Point]) -> list[Mapping[str, str]]:
    """The packages of each point; {} for a point without a list."""
    own = list[Experiment]()
    for point in points:
        if point.experiment is not None and sources.is_own(point.experiment):
            own.append(point.experiment)
    by_id = dict(zip([one.id for one in own], packages_of(project, own), strict=True))
    found = list[Mapping[str, str]]()
    for point in points:
        packages: Mapping[str, str] = {}
        if point.experiment is not None:
            packages = by_id.get(point.experiment.id, {})
        found.append(packages)
    return found


def _pictures(project: Project, points: Sequence[Point]) -> list[Document]:
    by_run = dict[str, list[str]]()
    for point in points:
        if point.experiment is not None:
            found = run_files.listed(project, point.experiment, (run_files.ARTIFACTS,))
            by_run[point.label] = [path for path, _ in found[run_files.ARTIFACTS]["files"]]
    return in_steps(by_run)
