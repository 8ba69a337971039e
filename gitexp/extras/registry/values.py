"""The values of the registry: tags, their facts, versions, stages, models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gitexp.named_tuple import NamedTuple
from gitexp.repo.model_tags import ModelTag, TagAction
from gitexp.times import stamp_of


class ModelFacts(NamedTuple):
    """The facts in the annotation of a tag, by the word of its maker. `get` checks the hash.

    Attributes:
        experiment: the name of the experiment at the time; "" for a commit without one.
        commit: the experiment commit E, or the commit.
        path: the path of the model, relative to the root, or among the artifacts that the run has logged.
        hash: SHA-256 of a file, in hexadecimal; of a folder's manifest, with `.dir` behind; `md5:` and an MD5
            for data under DVC.
        size: bytes of all files; None if unknown.
        files: number of a folder's files; None for a file.
        metrics: metrics by flat key.
        signature: the model's signature, as MLflow writes it; {} for none.
        version: the version that a stage is given to; "" for other tags.
        note: the words of the user.
    """

    experiment: str = ""
    commit: str = ""
    path: str = ""
    hash: str = ""
    size: int | None = None
    files: int | None = None
    metrics: Mapping[str, Any] = {}
    signature: Mapping[str, Any] = {}
    version: str = ""
    note: str = ""


class ModelEvent(NamedTuple):
    """A tag about a model.

    Attributes:
        name: the parts of the tag's name.
        id: the tag object; the commit itself of a tag without an annotation.
        commit: the commit that the tag leads to; "" where it leads to none.
        seconds: the time since 1970: the tagger's, or the commit's where there is no annotation.
        author: the tagger's name; "" without an annotation.
        email: the tagger's address; "" without an annotation.
        size: bytes of the tag object; 0 without an annotation.
    """

    name: ModelTag
    id: str
    commit: str
    seconds: int
    author: str = ""
    email: str = ""
    size: int = 0

    @property
    def action(self) -> TagAction:
        return self.name.action

    @property
    def model(self) -> str:
        return self.name.model

    @property
    def created(self) -> str:
        """The time in ISO 8601, UTC."""
        return stamp_of(self.seconds)

    @property
    def place(self) -> tuple[int, int, str]:
        """The place in the history of a model. GTO has the time alone, of whole seconds."""
        return self.seconds, self.name.number, self.name.text


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version of a model.

    Attributes:
        model: the name of the model.
        version: such as `v1.2.0`; the commit, where a stage was given to a commit without a version.
        commit: the commit that its tags lead to.
        events: its registrations and what took them back, the first first; none for a commit without version.
    """

    model: str
    version: str
    commit: str
    events: Sequence[ModelEvent] = ()

    @property
    def is_registered(self) -> bool:
        return bool(self.events)

    @property
    def is_active(self) -> bool:
        """Whether the version is not taken back."""
        return not self.events or self.events[-1].action is TagAction.REGISTER

    @property
    def registration(self) -> ModelEvent | None:
        """The last registration."""
        for event in reversed(self.events):
            if event.action is TagAction.REGISTER:
                return event
        return None

    @property
    def label(self) -> str:
        """The version with its model: `clf@v1.2.0`."""
        return f"{self.model}@{self.version if self.is_registered else self.version[:7]}"


class StageAssignment(NamedTuple):
    """A version in a stage, and the tag of the assignment."""

    stage: str
    version: ModelVersion
    event: ModelEvent


@dataclass(frozen=True)
class RegisteredModel:
    """A model at a time.

    Attributes:
        name: its name.
        versions: all versions, the highest first; also versions taken back.
        assignments: by stage, its versions, the last assigned first; only the first counts.
        events: all its tags, the first first.
    """

    name: str
    versions: Sequence[ModelVersion] = ()
    assignments: Mapping[str, Sequence[StageAssignment]] = field(default_factory=dict)
    events: Sequence[ModelEvent] = ()

    @property
    def is_deprecated(self) -> bool:
        return bool(self.events) and self.events[-1].action is TagAction.DEPRECATE

    @property
    def stages(self) -> dict[str, StageAssignment]:
        """The assignment in force, by stage."""
        return {stage: found[0] for stage, found in self.assignments.items()}

    @property
    def latest(self) -> ModelVersion | None:
        """The highest registered version."""
        for version in self.versions:
            if version.is_registered and version.is_active:
                return version
        return None

    @cached_property
    def version_at(self) -> dict[str, str]:
        """The version for each commit with a tag about a stage."""
        return {one.commit: one.version for one in reversed(self.versions)}

    def stages_of(self, version: ModelVersion) -> list[str]:
        """The stages of a version."""
        return [stage for stage, found in self.stages.items() if found.version.version == version.version]
