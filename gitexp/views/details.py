"""All facts about single experiments, for `show EXP`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gitexp import errors
from gitexp.catalog import by_words, lookup, rows, sources
from gitexp.catalog.fields import Row, Use, used_for
from gitexp.catalog.lineage import Lineage
from gitexp.catalog.lookup import Point
from gitexp.catalog.replicates import Replicates, groups, in_order, key_of, mean_of, spread_of
from gitexp.catalog.value_pairs import value_pairs
from gitexp.datasets import run_artifacts
from gitexp.datasets.run_artifacts import RunArtifact
from gitexp.datasets.wanted import lock_at
from gitexp.model import (
    Artifact,
    Change,
    Experiment,
    Flat,
    Mean,
    Record,
    Status,
    Stored,
    Value,
    is_touched,
    readable,
)
from gitexp.project.project import Project
from gitexp.repo import tracking
from gitexp.views.series_details import SeriesDetails, series_details


@dataclass(frozen=True, slots=True)
class Details:
    """One experiment beside its baseline.

    Attributes:
        baseline: its parent experiment, or the commit it was made from.
        params: each param with the value of the baseline.
        data: data and outputs in the object store, without metrics files.
        artifacts: the files logged by the run.
        series: its series, those of the run first.
        replicates: the names of the experiments in the same row, its own too; empty for a row of its own.
        means: the mean of each metric over the replicates, by flat key.
        complaints: a sentence for each file of either side that could not be read.
    """

    row: Row
    record: Record
    baseline: Point
    params: Sequence[Change]
    data: Sequence[Artifact]
    replicates: Sequence[str] = ()
    complaints: Sequence[str] = ()
    artifacts: Sequence[RunArtifact] = ()
    series: Sequence[SeriesDetails] = ()
    means: Flat = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The object of `show EXP --json`: that of `show --json`, more fields, and the data."""
        document = self.row.as_json()
        for name, fact in used_for(Use.DETAILS).items():
            document[name] = fact.read(self.row)
        document["data"] = [artifact._asdict() for artifact in self.data]
        document["artifacts"] = [artifact.as_json() for artifact in self.artifacts]
        document["series"] = [each.as_json() for each in self.series]
        spreads = {key: spread_of(value) for key, value in self.means.items() if isinstance(value, Mean)}
        if spreads:
            document["replicates"] = {"members": list(self.replicates), "metrics": spreads}
        return document


def details(project: Project, words: Iterable[str]) -> list[Details]:
    """The experiments for some words, each once, in the order of the words.

    Raises UnknownExperiment, AmbiguousExperiment or BadRecord.
    """
    found = {}
    for word in by_words.expanded(project, words):
        experiment = lookup.require(project, word)
        found[experiment.id] = experiment
    reader = DetailsReader(project, lookup.experiments(project))
    return [reader.details(experiment) for experiment in found.values()]


class DetailsReader:
    """Reads the details of single experiments. What all of them need is read once.

    Attributes:
        lineage: the parents of all experiments.
    """

    def __init__(self, project: Project, every: Sequence[Stored]) -> None:
        """`every` has all experiments of the repository."""
        self.lineage = Lineage.of(every, None)
        self._project = project
        self._every = every
        self._holders = tracking.holders(project.repo)
        self._commits: dict[str, Point] = {}

    def details(self, experiment: Experiment, *, with_files: bool = True) -> Details:
        """The details of an experiment; without its artifacts and series, unless `with_files`.

        Raises BadRecord.
        """
        project = self._project
        parent = self.lineage.parent(experiment)
        point = lookup.of_experiment(project, experiment)
        baseline = self._baseline(experiment.record, parent, point)
        assert point.experiment is not None  # it is an experiment's
        artifacts, series, unread = list[RunArtifact](), list[SeriesDetails](), list[str]()
        if with_files:
            artifacts, unread = _artifacts(project, point.experiment)
            series, unread_series = series_details(project, point.experiment)
            unread = [*unread, *unread_series]
        return Details(
            rows.of_one(point.experiment, parent, self._holders.get(experiment.id, ())),
            point.experiment.record,
            baseline,
            value_pairs(baseline.params, point.params, project.config.named),
            _data(project, point),
            [member.name for member in self._replicates(experiment)],
            [*point.complaints, *baseline.complaints, *unread],
            artifacts,
            series,
            self._means(experiment),
        )

    @cached_property
    def children(self) -> dict[str, list[str]]:
        """The names of the experiments made from an experiment, by the id of its record."""
        found: dict[str, list[str]] = {}
        for one in readable(self._every):
            parent = self.lineage.parent(one)
            if parent is not None:
                found.setdefault(parent.id, []).append(one.name)
        return found

    def _baseline(self, record: Record, parent: Experiment | None, point: Point) -> Point:
        if parent is not None:
            return lookup.of_experiment(self._project, parent)
        if record.baseline not in self._commits:
            found = lookup.of_commit(self._project, record.baseline[:7], record.baseline)
            self._commits[record.baseline] = found
        return lookup.beside(self._project, self._commits[record.baseline], point)

    @cached_property
    def _groups(self) -> dict[str, list[Experiment]]:
        return groups(self._every, Replicates.REPEATED)

    def _replicates(self, experiment: Experiment) -> list[Experiment]:
        """The experiments in the same row."""
        return in_order(self._groups.get(key_of(experiment), []))

    def _means(self, experiment: Experiment) -> Flat:
        """The mean of each metric over the replicates that are done."""
        done = [
            one
            for one in self._replicates(experiment)
            if one.record.status is Status.DONE and not is_touched(one)
        ]
        values: dict[str, list[Value]] = {}
        for flat in rows.flat([one.record.metrics for one in done], self._project.config.named):
            for key, value in flat.items():
                values.setdefault(key, []).append(value)
        return {key: mean_of(of_key, len(done)) for key, of_key in values.items()}


def _artifacts(project: Project, experiment: Experiment) -> tuple[list[RunArtifact], list[str]]:
    """The artifacts of an experiment, and a sentence if they cannot be read."""
    if not sources.is_own(experiment):
        return [], []
    try:
        return run_artifacts.of(project, experiment), []
    except (errors.LockError, errors.GitFailed) as error:
        return [], [error.message]


def _data(project: Project, point: Point) -> list[Artifact]:
    found = []
    for artifact in lock_at(project, point).artifacts:
        if artifact.path not in point.metrics:
            found.append(artifact)
    return sorted(found, key=lambda artifact: artifact.path)
