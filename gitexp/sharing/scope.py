"""The scope of push and pull: without names, the experiments of HEAD in the user's project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gitexp.catalog import lookup, projects
from gitexp.catalog.filters import Filter
from gitexp.catalog.lineage import Lineage
from gitexp.catalog.query import Criterion
from gitexp.model import Experiment, Stored
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.sharing.partner import Fate, Shared

OTHER_BASELINE, OTHER_PROJECT = "it is on another baseline", "it is of another project"
FILTERED = "the filter leaves it out"


class PullScope(NamedTuple):
    """The experiments of a pull without names.

    Attributes:
        everything: of all baselines.
        all_projects: of all projects.
        failed: True: only failed ones; False: none of them.
        filter: a condition.
    """

    everything: bool = False
    all_projects: bool = False
    failed: bool | None = None
    filter: Filter | None = None


def divided(
    project: Project, found: Mapping[str, str], wanted: PullScope
) -> tuple[dict[str, str], list[Shared]]:
    """The fetched experiments (names with record commits) in the scope, and the fate of the others.

    Experiments already here are always in the scope, and so are unreadable ones: a pull says why.
    """
    head = project.repo.resolve("HEAD")
    everything = wanted.everything or head is None  # in a new repository nothing is made from HEAD
    all_projects = wanted.all_projects
    if everything and all_projects and wanted.failed is None and wanted.filter is None:
        return dict(found), []
    here = lookup.experiments(project)
    fetched = _not_here(project, found, here)
    ours: Sequence[Stored] = fetched
    if not all_projects:
        ours = projects.of_project(project, fetched)
    lineage = Lineage.of([*here, *fetched], head)
    names = {one.name for one in ours}
    left, near = [], list[Stored]()
    for experiment in fetched:
        if experiment.name not in names:
            left.append(_left(experiment, OTHER_PROJECT, "--all-projects"))
        elif not everything and lineage.root(experiment) != head:
            left.append(_left(experiment, OTHER_BASELINE, "-A"))
        else:
            near.append(experiment)
    criterion = Criterion(project, wanted.failed, wanted.filter, [*here, *fetched], lineage)
    left += _filtered(criterion, near)
    gone = {one.there for one in left}
    return {name: oid for name, oid in found.items() if name not in gone}, left


def _filtered(criterion: Criterion, near: Sequence[Stored]) -> list[Shared]:
    """The experiments outside the criterion, with the fate of being left at the remote."""
    fitting = {one.name for one in criterion.among(near)}
    return [Shared(one.name, None, Fate.LEFT, FILTERED) for one in near if one.name not in fitting]


def _not_here(project: Project, found: Mapping[str, str], here: Iterable[Stored]) -> list[Experiment]:
    """The fetched experiments not here yet, without unreadable experiments."""
    known = set[str]()
    for one in here:
        known.add(one.id)
        if isinstance(one, Experiment):
            known.add(one.record.commit)
    unknown = {name: oid for name, oid in found.items() if oid not in known}
    fetched = []
    for read in project.store.read_commits(unknown):
        stored = read.experiment
        if isinstance(stored, Experiment) and stored.record.commit not in known:
            fetched.append(stored)
    return fetched


def _left(experiment: Experiment, reason: str, flag: str) -> Shared:
    return Shared(experiment.name, None, Fate.LEFT, reason, f"gitexp pull {flag}")
