"""All about one experiment, for its page."""

from __future__ import annotations

from typing import Any

from gitexp import errors
from gitexp.catalog import sources
from gitexp.catalog.fields import FACTS
from gitexp.catalog.value_pairs import differs
from gitexp.extras.web.contents import command_lines
from gitexp.extras.web.contents.plain import cell_of, plain
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.project.sections.directions import direction
from gitexp.views.details import Details, DetailsReader
from gitexp.views.environments import packages_of

Document = dict[str, Any]

_MOST_RELATIVES = 200
_MOST_PACKAGES = 5_000
_MOST_VALUES = 5_000


def experiment_document(project: Project, experiment: Experiment, reader: DetailsReader) -> Document:
    """All about an experiment but its curves, its log and its files. Raises BadRecord."""
    found = reader.details(experiment, with_files=False)
    document = plain(found.as_json())
    for large in ("params", "metrics", "series", "artifacts"):
        del document[large]
    record = found.record
    return {
        **document,
        "facts": _facts(found),
        "baseline_name": found.baseline.label,
        "params": _params(found),
        "metrics": _metrics(project, found),
        "stages": plain(record.stages),
        "alerts": plain(record.alerts),
        "warnings": [*record.warnings],
        "replicates": [*found.replicates],
        "lineage": _lineage(experiment, reader),
        "environment": _environment(project, experiment),
        "commands": command_lines.of_experiment(experiment),
        "complaints": [*found.complaints],
        "live": not record.status.ended,
        "own": sources.is_own(experiment),
    }


def _facts(found: Details) -> list[Document]:
    """The facts of `show EXP`, in the same order; a fact with a time also has `time`, for local zones."""
    facts = []
    for field in FACTS:
        if text := field.text(found.row):
            fact = {"name": field.name, "title": field.title, "text": text}
            if field.kind == "time":
                fact["time"] = field.read(found.row)
            facts.append(fact)
    return facts


def _params(found: Details) -> Document:
    rows = []
    for pair in found.params[:_MOST_VALUES]:
        rows.append([pair.key, cell_of(pair.new), cell_of(pair.old), differs(pair)])
    return {"rows": rows, "count": len(found.params)}


def _metrics(project: Project, found: Details) -> Document:
    rows = []
    for key, value in list(found.row.metrics.items())[:_MOST_VALUES]:
        rows.append([key, cell_of(value), direction(key, project.config.directions)])
    return {"rows": rows, "count": len(found.row.metrics)}


def _environment(project: Project, experiment: Experiment) -> Document:
    record = experiment.record
    packages: dict[str, str] = {}
    reason = ""
    if sources.is_own(experiment):
        try:
            (packages,) = packages_of(project, [experiment])
        except errors.GitexpError as error:
            reason = str(error)
    return {
        "platform": record.platform,
        "host": record.host,
        "user": record.user,
        "python": record.python,
        "cpus": record.cpus,
        "gpus": [*record.gpus],
        "gitexp": record.gitexp,
        "packages": [[name, version] for name, version in packages.items()][:_MOST_PACKAGES],
        "count": len(packages),
        "reason": reason,
    }


def _lineage(experiment: Experiment, reader: DetailsReader) -> Document:
    """The ancestors of an experiment, the nearest first, and the experiments made from it."""
    ancestors = list[str]()
    at = reader.lineage.parent(experiment)
    while at is not None and at.name not in ancestors and len(ancestors) < _MOST_RELATIVES:
        ancestors.append(at.name)
        at = reader.lineage.parent(at)
    children = reader.children.get(experiment.id, [])
    return {"ancestors": ancestors, "children": children[:_MOST_RELATIVES], "of_children": len(children)}
