"""MLflow's facts about runs that have ended: each is read when somebody asks for it, and then kept.

A page of a hundred runs out of ten thousand needs the facts of a hundred.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gitexp.extras.integrations.mlflow.run_facts import RunFacts, facts_of
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.runs.logged_values.logged_files import MLFLOW


class EndedFacts:
    """The facts about the ended runs of a repository, by record commit. They never change."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[str, RunFacts] = {}

    def of(self, experiment: Experiment) -> RunFacts:
        """The facts about one run."""
        if experiment.id not in self._known:
            self.load([experiment])
        return self._known[experiment.id]

    def load(self, experiments: Iterable[Experiment]) -> None:
        """Read the unknown facts about many runs together."""
        asked = []
        for experiment in experiments:
            if experiment.id in self._known:
                continue
            if experiment.record.mlflow:
                asked.append(experiment.id)
            else:
                self._known[experiment.id] = RunFacts()
        contents = self._project.repo.read_blobs([f"{oid}:{RUN_FOLDER}/{MLFLOW}" for oid in asked])
        for oid, content in zip(asked, contents, strict=True):
            self._known[oid] = facts_of(content or b"")

    def forget_all_but(self, ids: Collection[str]) -> None:
        """Forget the facts about all runs except `ids`."""
        if len(self._known) > len(ids):
            self._known = {oid: facts for oid, facts in self._known.items() if oid in ids}
