"""The checks of experiments that another repository has sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitexp.model import Damaged, Experiment, Record
from gitexp.project.project import Project
from gitexp.repo.git import graph
from gitexp.sharing import partner
from gitexp.sharing.partner import Shared

_MOST_RECORDS = 10_000  # on top of one experiment


def checked(
    project: Project, found: Mapping[str, str], *, ended: bool = True
) -> tuple[list[Experiment], list[Shared]]:
    """The sound experiments at some record commits, and the refusals of all others.

    A record must name the commit and baseline of Git: the commit below the records, and its parent. With
    `ended`, unended experiments are refused too.
    """
    edited: list[Experiment] = []
    readable: list[Experiment] = []
    refused: list[Shared] = []
    for stored in project.store.read_commits(found):
        one = stored.experiment
        if isinstance(one, Damaged):
            refused.append(partner.refused(one.name, one.error))
            continue
        readable.append(one)
        if one.record.commit not in stored.parents:
            edited.append(one)
    loose = _loose(project, edited)
    started_at = _parents(project, readable)
    sound = []
    for one in readable:
        if ended and not one.record.status.ended:
            refused.append(partner.refused(one.name, f"it is {one.record.status} there"))
        elif one.id in loose:
            why = "its record speaks of a commit that it does not stand on"
            refused.append(partner.refused(one.name, why))
        elif one.record.baseline not in started_at[one.record.commit]:
            why = "its record speaks of a baseline that it was not made from"
            refused.append(partner.refused(one.name, why))
        else:
            sound.append(one)
    return sound, refused


def _parents(project: Project, experiments: Sequence[Experiment]) -> dict[str, tuple[str, ...]]:
    """The parents of the experiments' commits as they are written, also at the edge of a shallow clone."""
    commits = {one.record.commit: one.record.commit for one in experiments}
    return {one.experiment.name: one.parents for one in project.store.read_commits(commits)}


def _loose(project: Project, edited: Sequence[Experiment]) -> set[str]:
    """The record commits that do not stand on the commit named in the record.

    Between the two only records of the same experiment may stand.
    """
    if not edited:
        return set()
    tips = [one.id for one in edited]
    named = project.repo.ids_of([f"{one.record.commit}^{{commit}}" for one in edited])
    parents = graph.lines_to(project.repo, tips, list(filter(None, named)), _MOST_RECORDS * len(tips))
    records = dict[str, Record]()
    for stored in project.store.read_commits(dict(zip(parents, parents, strict=True))):
        if isinstance(stored.experiment, Experiment):
            records[stored.experiment.id] = stored.experiment.record
    return {one.id for one in edited if not _stands_on_commit(one, parents, records)}


def _stands_on_commit(
    one: Experiment, parents: Mapping[str, Sequence[str]], records: Mapping[str, Record]
) -> bool:
    commit, start, below = one.record.commit, one.record.start, set[str]()
    reached = graph.reached(parents, one.id)
    of_tries = {records[oid].commit for oid in reached if oid in records and records[oid].start == start}
    for oid in reached:
        if oid not in parents or oid == start or (start and oid in of_tries):
            continue
        record = records.get(oid)
        if record is None:
            return False
        if record.commit == commit:
            below.update(parents[oid])
        elif not start or record.start != start:  # of a run that was queued, earlier states stand below
            return False
    return commit in below
