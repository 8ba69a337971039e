"""The scope of push and pull: without names, the experiments of HEAD in the user's project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gitexp.catalog import lookup, projects
from gitexp.catalog.lineage import Lineage
from gitexp.model import Experiment, Stored
from gitexp.project.project import Project
from gitexp.sharing.partner import Fate, Shared

OTHER_BASELINE, OTHER_PROJECT = "it is on another baseline", "it is of another project"


def divided(
    project: Project, found: Mapping[str, str], *, everything: bool, all_projects: bool
) -> tuple[dict[str, str], list[Shared]]:
    """The fetched experiments (names with record commits) in the scope, and the fate of the others.

    What is here already is always in the scope, and so is what cannot be read: a pull says why.
    """
    head = project.repo.resolve("HEAD")
    everything = everything or head is None  # in a new repository nothing is made from HEAD
    if everything and all_projects:
        return dict(found), []
    here = lookup.experiments(project)
    fetched = _not_here(project, found, here)
    ours: Sequence[Stored] = fetched
    if not all_projects:
        ours = projects.of_project(project, fetched)
    lineage = Lineage.of([*here, *fetched], head)
    names = {one.name for one in ours}
    left = []
    for experiment in fetched:
        if experiment.name not in names:
            left.append(_left(experiment, OTHER_PROJECT, "--all-projects"))
        elif not everything and lineage.root(experiment) != head:
            left.append(_left(experiment, OTHER_BASELINE, "-A"))
    gone = {one.there for one in left}
    return {name: oid for name, oid in found.items() if name not in gone}, left


def _not_here(project: Project, found: Mapping[str, str], here: Iterable[Stored]) -> list[Experiment]:
    """The fetched experiments that are not here yet, without those that cannot be read."""
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
