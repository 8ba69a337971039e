"""All facts about single experiments, for `show EXP`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gitexp.catalog import by_words, lookup, rows
from gitexp.catalog.fields import Row, Use, used_for
from gitexp.catalog.lineage import Lineage
from gitexp.catalog.lookup import Point
from gitexp.catalog.value_pairs import value_pairs
from gitexp.datasets.wanted import lock_at
from gitexp.model import Artifact, Change, Record
from gitexp.project.project import Project
from gitexp.repo import tracking


@dataclass(frozen=True, slots=True)
class Details:
    """One experiment beside its baseline.

    Attributes:
        baseline: its parent experiment, or the commit from which it was made.
        params: each param with the value of the baseline.
        data: data and outputs in the object store, without metrics files.
        complaints: a sentence for each file of either side that could not be read.
    """

    row: Row
    record: Record
    baseline: Point
    params: Sequence[Change]
    data: Sequence[Artifact]
    complaints: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """The object of `show EXP --json`: that of `show --json`, more fields, and the data."""
        document = self.row.as_json()
        for name, field in used_for(Use.DETAILS).items():
            document[name] = field.read(self.row)
        document["data"] = [artifact._asdict() for artifact in self.data]
        return document


def details(project: Project, words: Iterable[str]) -> list[Details]:
    """The experiments for some words, each once, in the order of the words.

    Raises UnknownExperiment, AmbiguousExperiment or BadRecord.
    """
    found = {}
    for word in by_words.expanded(project, words):
        experiment = lookup.require(project, word)
        found[experiment.id] = experiment
    lineage = Lineage.of(lookup.experiments(project), None)
    holders = tracking.holders(project.repo)
    told = []
    for experiment in found.values():
        parent, record = lineage.parent(experiment), experiment.record
        point = lookup.of_experiment(project, experiment)
        if parent is not None:
            baseline = lookup.of_experiment(project, parent)
        else:
            baseline = lookup.of_commit(project, record.baseline[:7], record.baseline)
            baseline = lookup.beside(project, baseline, point)
        assert point.experiment is not None  # it is an experiment's
        told.append(
            Details(
                rows.of_one(point.experiment, parent, holders.get(experiment.id, ())),
                point.experiment.record,
                baseline,
                value_pairs(baseline.params, point.params),
                _data(project, point),
                [*point.complaints, *baseline.complaints],
            )
        )
    return told


def _data(project: Project, point: Point) -> list[Artifact]:
    found = [artifact for artifact in lock_at(project, point).artifacts if artifact.path not in point.metrics]
    return sorted(found, key=lambda artifact: artifact.path)
