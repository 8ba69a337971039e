"""Two versions of models side by side. The tags hold removed experiments, too."""

from __future__ import annotations

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.catalog.lookup import Point
from gitexp.extras.registry.values import ModelVersion
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.views import diff as diffing
from gitexp.views.diff import Diff


def experiment_of(project: Project, version: ModelVersion) -> Experiment | None:
    """The experiment in the commit of a version, under the version's name; None for another commit."""
    (found,) = project.store.read_commits({version.label: version.commit})
    if isinstance(found.experiment, Experiment):
        return found.experiment
    return None


def point_of(project: Project, version: ModelVersion) -> Point:
    """A version for a comparison. Raises history-rewritten."""
    experiment = experiment_of(project, version)
    if experiment is None:
        if project.repo.resolve(version.commit) is None:
            raise errors.GitFailed(
                f"The commit of {version.label} is not here.", "git fetch --tags brings it."
            )
        return lookup.of_commit(project, version.label, version.commit)
    lookup.require_whole(project, experiment, with_baseline=False)
    return lookup.of_experiment(project, experiment)


def compare(project: Project, old: ModelVersion, new: ModelVersion) -> Diff:
    """The differences from one version to another."""
    one, other = point_of(project, old), point_of(project, new)
    one, other = lookup.beside(project, one, other), lookup.beside(project, other, one)
    return diffing.with_distances(project, diffing.diff(project, one, other))
