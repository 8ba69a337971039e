"""The version for a model that is about to be registered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from gitexp import errors
from gitexp.extras.registry import versions
from gitexp.extras.registry.values import ModelFacts, ModelVersion, RegisteredModel
from gitexp.extras.registry.versions import Bump
from gitexp.named_tuple import NamedTuple


class NewVersion(NamedTuple):
    """A model to be registered.

    Attributes:
        label: the experiment's name, or a revision.
        path: the path of the model.
        target: the commit for its tags.
        commit: the experiment commit E, or the same commit.
    """

    label: str
    path: str
    target: str
    commit: str


def choose(
    model: RegisteredModel,
    facts: Mapping[str, ModelFacts],
    candidate: NewVersion,
    asked: str,
    bump: Bump,
) -> str:
    """The version for a candidate: `asked`, or the next free version for "".

    `facts` are those of the model's registrations, by tag object. Raises version-exists: GTO finds a version
    by its commit, so a commit can have a single version of a model.
    """
    registered = [version for version in model.versions if version.is_registered]
    _require_free_commit(registered, candidate, asked)
    _require_new_file(registered, facts, candidate)
    if asked:
        _require_free_version(registered, candidate, asked)
        return asked
    return _following(model.latest, {version.version for version in registered}, bump)


def _require_free_commit(registered: Iterable[ModelVersion], candidate: NewVersion, asked: str) -> None:
    for version in registered:
        is_same_again = version.version == asked and not version.is_active
        if version.commit == candidate.target and not is_same_again:
            raise _exists(version, candidate, candidate.label)


def _require_new_file(
    registered: Iterable[ModelVersion], facts: Mapping[str, ModelFacts], candidate: NewVersion
) -> None:
    """Raise version-exists for a file of an experiment that was registered at another record of it."""
    for version in registered:
        event = version.registration
        if event is None or not version.is_active or event.id not in facts:
            continue
        own = facts[event.id]
        if (own.commit, own.path) == (candidate.commit, candidate.path):
            raise _exists(version, candidate, f"{candidate.path} of {candidate.label}")


def _require_free_version(registered: Iterable[ModelVersion], candidate: NewVersion, asked: str) -> None:
    for version in registered:
        if version.version == asked and (version.is_active or version.commit != candidate.target):
            raise errors.ModelError(
                f"{version.model} has a version {asked} already.",
                f"gitexp model show {version.label}; leave out --version for the next one.",
                code="version-exists",
            )


def _following(latest: ModelVersion | None, taken: Collection[str], bump: Bump) -> str:
    """The version after the latest; without any, GTO's first version or the first step."""
    if latest is not None:
        version = versions.following(latest.version, bump)
    elif bump is Bump.PATCH:
        version = versions.FIRST
    else:
        version = versions.following("v0.0.0", bump)
    while version in taken:
        version = versions.following(version, Bump.PATCH)
    return version


def _exists(version: ModelVersion, candidate: NewVersion, subject: str) -> errors.ModelError:
    hint = f"To put it into a stage: gitexp model promote {version.label} STAGE"
    if not version.is_active:
        again = f"{candidate.label}:{candidate.path} {version.model} --version {version.version}"
        hint = f"It was taken back; again: gitexp model register {again}"
    return errors.ModelError(f"{subject} is {version.label} already.", hint, code="version-exists")
