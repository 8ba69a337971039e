"""The data of experiments and revisions that a user chooses, by words or by a query, pushed and pulled."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

from gitexp import errors
from gitexp.catalog.query import Query, matching
from gitexp.catalog.sources import is_own
from gitexp.datasets import sync, wanted
from gitexp.datasets.sync import DataTransfer
from gitexp.model import Artifact, readable
from gitexp.named_tuple import NamedTuple
from gitexp.objects.progress import OnProgress
from gitexp.project.project import Project
from gitexp.repo import model_tags
from gitexp.repo.git import refs
from gitexp.repo.model_tags import TagAction


class ChosenData(NamedTuple):
    """The data that a user has chosen.

    Attributes:
        artifacts: the artifacts, each content once.
        left_out: the error of each experiment whose data is unknown.
    """

    artifacts: list[Artifact]
    left_out: Sequence[errors.LockError] = ()


def choose(project: Project, names: Sequence[str] = (), query: Query | None = None) -> ChosenData:
    """The data of named experiments and revisions, or of a query's; without either, of the workspace.

    A query without a filter has the workspace's too; one for all experiments has the data of registered
    models, whose experiments may have been removed. What cannot be read is left out of a query, and an error
    of a name: raises LockError, and the errors of `wanted.commits`.
    """
    if query is None:
        return ChosenData(wanted.artifacts(project, wanted.commits(project, names)))
    found = []
    for one in readable(matching(project, query)):
        if is_own(one):
            found.append(one.id)
    if query.everything and query.filter is None and query.failed is None:
        found = list(dict.fromkeys([*found, *_registered(project)]))
    unread = wanted.unreadable(project, found)
    commits: list[str | None] = []
    if query.filter is None and query.failed is None:
        commits.append(None)
    for commit in found:
        if commit not in unread:
            commits.append(commit)
    return ChosenData(wanted.artifacts(project, commits), list(unread.values()))


def _registered(project: Project) -> list[str]:
    """The commits of registered models, by their tags."""
    found = dict[str, None]()
    for ref, oid, *target in refs.read(project.repo, model_tags.PREFIX, ("*objectname",)):
        name = model_tags.of_ref(os.fsdecode(ref))
        if name is not None and name.action is TagAction.REGISTER:
            commit = target[0] if target and target[0] else oid
            found[commit.decode()] = None
    return list(found)


def push_data(
    project: Project,
    names: Sequence[str] = (),
    query: Query | None = None,
    *,
    remote: str | None = None,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> DataTransfer:
    """Upload the data of experiments, or of the workspace, that the data remote lacks.

    For the choice see `choose`; a warning of Python's tells what it leaves out. Failures of single objects
    are in the result. Raises the errors of `sync.push`.
    """
    artifacts = _chosen(project, names, query)
    return sync.push(project, artifacts, remote=remote, jobs=jobs, on_progress=on_progress)


def pull_data(
    project: Project,
    names: Sequence[str] = (),
    query: Query | None = None,
    *,
    remote: str | None = None,
    jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> DataTransfer:
    """Download the data of experiments, or of the workspace, that is not here, into the store.

    The workspace stays: `checkout` brings the files into it. Else like `push_data`.
    """
    artifacts = _chosen(project, names, query)
    return sync.pull(project, artifacts, remote=remote, jobs=jobs, on_progress=on_progress)


def _chosen(project: Project, names: Sequence[str], query: Query | None) -> list[Artifact]:
    found = choose(project, names, query)
    for error in found.left_out:
        warnings.warn(f"left out: {error.message}", stacklevel=3)
    return found.artifacts
