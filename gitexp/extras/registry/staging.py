"""Versions given to stages and taken out of them; versions and models that are no longer to be used."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp import errors
from gitexp.extras.registry import addresses
from gitexp.extras.registry.addresses import ModelAddress
from gitexp.extras.registry.contents import declared
from gitexp.extras.registry.registering import next_number
from gitexp.extras.registry.registry import Registry
from gitexp.extras.registry.values import ModelEvent, ModelFacts, ModelVersion, StageAssignment
from gitexp.extras.registry.writing import MadeTags, TagOrder, WantedTag, make
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.repo import model_tags
from gitexp.repo.model_tags import ModelTag, TagAction
from gitexp.times import show_moment
from gitexp.words import did_you_mean


class Promoted(NamedTuple):
    """A version that was given a stage.

    Attributes:
        assignment: the version, its stage and the new tag.
        before: the version that was in the stage; None for none.
        made: the tag.
    """

    assignment: StageAssignment
    before: ModelVersion | None
    made: MadeTags


class Demoted(NamedTuple):
    """Versions that were taken out of a stage.

    Attributes:
        versions: the versions, the last assigned first.
        now: an earlier version, back in the stage now; None for an empty stage.
        made: the tags.
    """

    versions: Sequence[ModelVersion]
    now: ModelVersion | None
    made: MadeTags


def promote(project: Project, address: ModelAddress, stage: str, note: str, order: TagOrder) -> Promoted:
    """Put a version into a stage, in the place of the version there.

    Raises InvalidName; UsageError for a stage not allowed by `.gto`; unknown-model; unknown-version;
    version-exists for a version already in the stage; and the errors of `writing.make`.
    """
    _require_stage(project, stage)
    before = list[ModelVersion | None]()
    chosen = list[ModelVersion]()

    def plan(registry: Registry) -> list[WantedTag]:
        model, version = addresses.require_version(registry, address)
        if not version.is_active:
            raise errors.ModelError(
                f"{version.label} was taken back.",
                "Register it again first, or promote another version.",
                code="unknown-version",
            )
        held = model.stages.get(stage)
        if held is not None and held.version.version == version.version:
            raise errors.ModelError(
                f"{version.label} is in {stage} already.",
                f"Since when, and by whom: gitexp model history {model.name} --stage {stage}",
                code="version-exists",
            )
        before[:] = [held.version if held is not None else None]
        chosen[:] = [version]
        name = ModelTag(model.name, TagAction.ASSIGN, stage=stage, number=next_number(registry, model.name))
        facts = _facts(registry, version, note)
        subject = f"Assign {stage} to {model.name} {version.version}: {facts.experiment}".removesuffix(": ")
        return [WantedTag(name, version.commit, subject, facts, _registration(version))]

    made = make(project, address.model, plan, order)
    if not project.dry_run:
        made = made._replace(warnings=[*made.warnings, *_overruled(made, stage)])
    return Promoted(StageAssignment(stage, chosen[0], made.events[0]), before[0], made)


def _overruled(made: MadeTags, stage: str) -> list[str]:
    """A sentence about a tag with a wrong clock, which counts as later than the new tag."""
    new = made.events[0]
    held = made.registry.model(new.model).stages.get(stage)
    if held is None or held.event.id == new.id:
        return []
    tag = held.event.name.text
    return [
        f"{tag} is dated {show_moment(held.event.created)}, so {held.version.label} stays in {stage}: "
        f"git tag -d '{tag}' removes it here, git push --delete REMOTE '{tag}' there"
    ]


def demote(project: Project, address: ModelAddress, stage: str, note: str, order: TagOrder) -> Demoted:
    """Take a version out of a stage. Without a version, take out all: the stage is empty then.

    By GTO's rule, an earlier version is back in a stage when the last version goes. Raises unknown-model;
    unknown-version; and the errors of `writing.make`.
    """
    gone = list[ModelVersion]()

    def plan(registry: Registry) -> list[WantedTag]:
        model = registry.require(address.model)
        held = list(model.assignments.get(stage, ()))
        if address.is_of_version:
            _, version = addresses.require_version(registry, address)
            held = [one for one in held if one.version.version == version.version]
        if not held:
            hint = f"There is a version in: {', '.join(model.stages)}." if model.stages else None
            raise errors.ModelError(
                f"{address.model}{_of_version(address)} is not in {stage}.", hint, code="unknown-version"
            )
        gone[:] = [one.version for one in held]
        wanted, number = list[WantedTag](), next_number(registry, model.name)
        for one in held:
            name = ModelTag(model.name, TagAction.UNASSIGN, stage=stage, number=number + len(wanted))
            subject = f"Unassign {stage} from {model.name} {one.version.version}"
            facts = _facts(registry, one.version, note)
            wanted.append(WantedTag(name, one.version.commit, subject, facts, _registration(one.version)))
        return wanted

    made = make(project, address.model, plan, order)
    left = made.registry.model(address.model).assignments.get(stage, ())
    remaining = [one.version for one in left if one.version.version not in {each.version for each in gone}]
    return Demoted(list(gone), remaining[0] if remaining else None, made)


def deprecate(project: Project, address: ModelAddress, note: str, order: TagOrder) -> MadeTags:
    """Take a version back. Without a version, deprecate the whole model.

    Raises unknown-model; unknown-version; version-exists if that was done before; and the errors of
    `writing.make`.
    """

    def plan(registry: Registry) -> list[WantedTag]:
        model = registry.require(address.model)
        if not address.is_of_version:
            if model.is_deprecated:
                raise errors.ModelError(f"{model.name} is deprecated already.", code="version-exists")
            name = ModelTag(model.name, TagAction.DEPRECATE)
            facts = ModelFacts(note=note)
            commit, subject = model.events[-1].commit, f"Deprecate {model.name}"
            return [WantedTag(_free(registry, name), commit, subject, facts)]
        _, version = addresses.require_version(registry, address)
        if not version.is_registered or not version.is_active:
            raise errors.ModelError(f"{version.label} is taken back already.", code="version-exists")
        name = ModelTag(model.name, TagAction.DEREGISTER, version=version.version)
        subject = f"Deregister {model.name} {version.version}"
        facts = _facts(registry, version, note)
        return [WantedTag(_free(registry, name), version.commit, subject, facts, _registration(version))]

    return make(project, address.model, plan, order)


def _free(registry: Registry, name: ModelTag) -> ModelTag:
    """The name, with a number if the plain form is taken."""
    if all(event.name != name for event in registry.events.get(name.model, ())):
        return name
    return name._replace(number=next_number(registry, name.model))


def _facts(registry: Registry, version: ModelVersion, note: str) -> ModelFacts:
    """The facts for a tag about a version that has a tag with all of them."""
    known = registry.facts_of(version)
    named = version.version if version.is_registered else ""
    return known._replace(metrics={}, signature={}, version=named, note=note)


def _registration(version: ModelVersion) -> tuple[ModelEvent, ...]:
    registration = version.registration
    if registration is None:
        return ()
    return (registration,)


def _of_version(address: ModelAddress) -> str:
    if address.stage:
        return f"#{address.stage}"
    return f"@{address.version}" if address.version else ""


def _require_stage(project: Project, stage: str) -> None:
    """Raise InvalidName for an impossible stage, UsageError for a stage that `.gto` does not allow."""
    if not model_tags.is_stage(stage):
        raise errors.InvalidName(
            f"'{stage}' cannot be the name of a stage.",
            "Use letters, digits, '_', '-' and '/', with a letter or digit at both ends.",
        )
    allowed = declared.stages(project)
    if allowed is not None and stage not in allowed:
        raise errors.UsageError(
            f"{declared.GTO_CONFIG} does not allow the stage '{stage}'.",
            did_you_mean(stage, allowed, f"It allows {', '.join(allowed)}."),
        )
