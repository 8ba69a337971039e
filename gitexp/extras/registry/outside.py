"""The registry for the registry of another tool: versions as plain values, and the changes that it makes."""

from __future__ import annotations

from collections.abc import Mapping

from gitexp.extras.registry import registering, staging
from gitexp.extras.registry.addresses import ModelAddress
from gitexp.extras.registry.registering import RegisterRequest
from gitexp.extras.registry.registry import Registry
from gitexp.extras.registry.values import ModelFacts, RegisteredModel
from gitexp.extras.registry.writing import TagOrder
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo import model_tags

_NUMBER = regex(r"MLflow version ([1-9][0-9]{0,8})(?:\n|$)")


class OutsideVersion(NamedTuple):
    """A version of a model.

    Attributes:
        version: such as `v1.0.0`.
        commit: the commit that its tag leads to.
        created: the time of the tag, in ms since 1970.
        number: the number that MLflow gave it; 0 for none.
        note: the words with the tag, without that number.
        path: the path of the model in the experiment; "" if unknown.
        experiment: the name of the experiment; "" for none.
        is_active: whether the version is not taken back.
    """

    version: str
    commit: str
    created: int
    number: int
    note: str
    path: str
    experiment: str
    is_active: bool


class OutsideModel(NamedTuple):
    """A model.

    Attributes:
        name: its name.
        versions: all registered versions, the first registered first.
        stages: the version in each stage.
        changed: by stage, the name of its last tag.
    """

    name: str
    versions: tuple[OutsideVersion, ...]
    stages: Mapping[str, str]
    changed: Mapping[str, str]


class OutsideRegistry:
    """The registry of a project, for another tool's registry."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @staticmethod
    def can_have(name: str) -> bool:
        """Whether a model with this name can have tags."""
        return model_tags.is_model(name)

    def models(self, name: str = "") -> dict[str, OutsideModel]:
        """The models with tags by name: all, or the model of one name, if there is one."""
        registry = Registry.read(self._project)
        every = []
        for each in registry.names:
            if name in ("", each):
                every.append(registry.model(each))
        wanted = []
        for model in every:
            wanted += [version.registration for version in model.versions]
        facts = registry.facts(wanted)
        return {model.name: _model(model, facts) for model in every}

    def register(self, experiment: str, path: str, model: str, number: int, note: str) -> str:
        """Register the model at a path of an experiment as MLflow's version of a number; the version.

        Raises the errors of `registering.register`.
        """
        words = f"MLflow version {number}\n\n{note}".strip()
        request = RegisterRequest(f"{experiment}:{path}", model, f"v{number}.0.0", note=words)
        return registering.register(self._project, request, TagOrder()).version

    def assign(self, model: str, version: str, stage: str) -> None:
        """Put a version into a stage, unless it is there. Raises the errors of `staging.promote`."""
        held = Registry.read(self._project).model(model).stages.get(stage)
        if held is None or held.version.version != version:
            staging.promote(self._project, ModelAddress(model, version), stage, "", TagOrder())

    def empty(self, model: str, stage: str) -> None:
        """Take all versions out of a stage. Raises the errors of `staging.demote`."""
        if stage in Registry.read(self._project).model(model).stages:
            staging.demote(self._project, ModelAddress(model), stage, "", TagOrder())

    def take_back(self, model: str, version: str) -> None:
        """Take a version back, unless it is taken back. Raises the errors of `staging.deprecate`."""
        for one in Registry.read(self._project).model(model).versions:
            if one.version == version and one.is_registered and one.is_active:
                staging.deprecate(self._project, ModelAddress(model, version), "", TagOrder())


def _model(model: RegisteredModel, facts: Mapping[str, ModelFacts]) -> OutsideModel:
    found = []
    for version in model.versions:
        event = version.registration
        if event is None:
            continue
        own = facts.get(event.id, ModelFacts())
        marked = _NUMBER.match(own.note)
        number, note = 0, own.note
        if marked is not None:
            number, note = int(marked[1]), own.note[marked.end() :].strip()
        first = version.events[0]
        found.append(
            OutsideVersion(
                version=version.version,
                commit=version.commit,
                created=first.seconds * 1000,
                number=number,
                note=note,
                path=own.path,
                experiment=own.experiment,
                is_active=version.is_active,
            )
        )
    changed = {event.name.stage: event.name.text for event in model.events if event.name.stage}
    stages = {stage: one.version.version for stage, one in model.stages.items()}
    found.sort(key=lambda one: (one.created, one.version))
    return OutsideModel(model.name, tuple(found), stages, changed)
