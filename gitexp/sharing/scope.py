"""The scope of push and pull: without names, the experiments of HEAD in the user's project."""

from __future__ import annotations

from collections.abc import Mapping

from gitexp.catalog import lookup, projects
from gitexp.catalog.lineage import Lineage
from gitexp.model import Experiment
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
    known = {one.id for one in here}
    known.update(one.record.commit for one in here if isinstance(one, Experiment))
    others = []
    for one in project.store.read_commits({name: oid for name, oid in found.items() if oid not in known}):
        stored = one.experiment
        if isinstance(stored, Experiment) and stored.record.commit not in known:
            others.append(stored)
    ours = {one.name for one in others}
    if not all_projects:
        ours = {one.name for one in projects.of_project(project, others)}
    lineage = Lineage.of([*here, *others], head)
    left = []
    for experiment in others:
        if experiment.name not in ours:
            left.append(_left(experiment, OTHER_PROJECT, "--all-projects"))
        elif not everything and lineage.root(experiment) != head:
            left.append(_left(experiment, OTHER_BASELINE, "-A"))
    gone = {one.there for one in left}
    return {name: oid for name, oid in found.items() if name not in gone}, left


def _left(experiment: Experiment, reason: str, flag: str) -> Shared:
    return Shared(experiment.name, None, Fate.LEFT, reason, f"gitexp pull {flag}")
