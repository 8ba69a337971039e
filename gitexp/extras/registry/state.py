"""The state that the tags of a model make, by GTO's rules. Nothing here reads or writes.

A version is in a stage if its last tag for the stage gives it the stage, and if nobody has taken the version
back. Of several versions in a stage, the last assigned one counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from gitexp.extras.registry import versions
from gitexp.extras.registry.values import ModelEvent, ModelVersion, RegisteredModel, StageAssignment
from gitexp.repo.model_tags import TagAction

ABOUT_VERSIONS = (TagAction.REGISTER, TagAction.DEREGISTER)
ABOUT_STAGES = (TagAction.ASSIGN, TagAction.UNASSIGN)


def model_of(name: str, events: Sequence[ModelEvent]) -> RegisteredModel:
    """The model with some tags, the first first."""
    registered = _registered(name, events)
    of_commit = {}
    for version in sorted(registered, key=_order):  # the highest of a commit comes last, and stays
        of_commit[version.commit] = version
    for event in events:
        if event.action in ABOUT_STAGES and event.commit not in of_commit:
            of_commit[event.commit] = ModelVersion(name, event.commit, event.commit)
    plain = [version for version in of_commit.values() if not version.is_registered]
    every = sorted([*registered, *plain], key=_order, reverse=True)
    return RegisteredModel(name, every, _assignments(events, of_commit), events)


def _order(version: ModelVersion) -> versions.VersionOrder:
    return versions.order(version.version)


def _registered(name: str, events: Iterable[ModelEvent]) -> list[ModelVersion]:
    """The versions with tags of their own."""
    by_version = defaultdict[str, list[ModelEvent]](list)
    for event in events:
        if event.action in ABOUT_VERSIONS:
            by_version[event.name.version].append(event)
    found = []
    for version, own in by_version.items():
        found.append(ModelVersion(name, version, _commit_of(own), own))
    return found


def _commit_of(events: Sequence[ModelEvent]) -> str:
    """The commit of a version: of its first registration, if any."""
    for event in events:
        if event.action is TagAction.REGISTER:
            return event.commit
    return events[0].commit


def _assignments(
    events: Iterable[ModelEvent], of_commit: Mapping[str, ModelVersion]
) -> dict[str, Sequence[StageAssignment]]:
    """The versions in each stage, the last assigned first."""
    last = dict[tuple[str, str], StageAssignment]()
    for event in events:
        if event.action in ABOUT_STAGES:
            version = of_commit[event.commit]
            last[event.name.stage, version.version] = StageAssignment(event.name.stage, version, event)
    found = defaultdict[str, list[StageAssignment]](list)
    for one in last.values():
        if one.event.action is TagAction.ASSIGN and one.version.is_active:
            found[one.stage].append(one)
    for assignments in found.values():
        assignments.sort(key=_place, reverse=True)
    return dict(sorted(found.items()))


def _place(assignment: StageAssignment) -> tuple[int, int, str]:
    return assignment.event.place
