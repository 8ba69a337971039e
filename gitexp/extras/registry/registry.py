"""The registry of a repository: all tags about models.

A single `git for-each-ref` reads all tags. The texts of annotations are read on demand.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from gitexp import errors
from gitexp.extras.registry import annotation
from gitexp.extras.registry.state import model_of
from gitexp.extras.registry.values import ModelEvent, ModelFacts, ModelVersion, RegisteredModel
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.repo import model_tags
from gitexp.repo.git import refs
from gitexp.repo.git.repository import Repository
from gitexp.words import did_you_mean

_FIELDS = (
    *("objecttype", "objectsize", "*objecttype", "*objectname"),
    *("taggername", "taggeremail", "taggerdate:unix", "committerdate:unix"),
)


class Registry(NamedTuple):
    """All tags about models.

    Attributes:
        events: the tags of each model, the first first.
        complaints: sentences about tags that cannot be read.
    """

    repo: Repository
    events: Mapping[str, Sequence[ModelEvent]]
    complaints: Sequence[str] = ()

    @classmethod
    def read(cls, project: Project) -> Registry:
        """The registry of a project's repository."""
        found, complaints, broken = defaultdict[str, list[ModelEvent]](list), list[str](), list[str]()
        for row in refs.read(project.repo, model_tags.PREFIX, _FIELDS, broken):
            name = model_tags.of_ref(os.fsdecode(row[0]))
            if name is None:
                continue
            event = _event(project.repo, name, row)
            if event is None:
                complaints.append(f"The tag {name.text} leads to no commit that is here.")
            else:
                found[name.model].append(event)
        for ref in broken:
            if model_tags.of_ref(ref) is not None:
                complaints.append(
                    f"The tag {ref.removeprefix(model_tags.PREFIX)} is broken: it says no object."
                )
        for events in found.values():
            events.sort(key=lambda event: event.place)
        return cls(project.repo, dict(sorted(found.items())), complaints)

    @property
    def names(self) -> list[str]:
        """The names of all models, sorted."""
        return list(self.events)

    def models(self, until: int | None = None) -> list[RegisteredModel]:
        """All models by name; with `until`, at that time, in seconds since 1970."""
        return [self.model(name, until) for name in self.events]

    def model(self, name: str, until: int | None = None) -> RegisteredModel:
        """The model of a name, now or at a time; without tags for an unknown name."""
        events = self.events.get(name, ())
        if until is not None:
            events = [event for event in events if event.seconds <= until]
        return model_of(name, events)

    def require(self, name: str, until: int | None = None) -> RegisteredModel:
        """The same. Raises unknown-model."""
        if name not in self.events:
            raise errors.ModelError(
                f"There is no model '{name}'.",
                did_you_mean(name, self.names, "gitexp model list names them all."),
                code="unknown-model",
            )
        return self.model(name, until)

    def facts(self, events: Iterable[ModelEvent | None]) -> dict[str, ModelFacts]:
        """The facts in the annotations of some tags, by the id of the tag; {} without an annotation."""
        wanted = dict[str, None]()
        for event in events:
            if event is not None and event.size:
                wanted[event.id] = None
        ids = list(wanted)
        found = {}
        for oid, one in zip(ids, self.repo.read_objects(ids, annotation.LARGEST), strict=True):
            if one is not None and one[0] == "tag":
                found[oid] = annotation.read(one[1])
        return found

    def facts_of(self, version: ModelVersion) -> ModelFacts:
        """The facts about a version; without any if its tag has no annotation."""
        registration = version.registration
        if registration is None:
            return ModelFacts()
        return self.facts([registration]).get(registration.id, ModelFacts())


def _event(repo: Repository, name: model_tags.ModelTag, row: Sequence[bytes]) -> ModelEvent | None:
    """The tag in a row of `git for-each-ref`; None for a tag that leads to no commit."""
    oid = row[1].decode()
    if len(row) == 2:
        return None
    kind, size, target_kind, target, author, email, tagged, committed = map(_text, row[2:])
    if kind == "commit":
        return ModelEvent(name, oid, oid, _seconds(committed))
    if kind == "tag" and target_kind == "tag":
        target, target_kind = repo.resolve(target) or "", "commit"
    if kind != "tag" or target_kind != "commit" or not target:
        return None
    return ModelEvent(name, oid, target, _seconds(tagged), author, email.strip("<>"), int(size))


def _text(part: bytes) -> str:
    return part.decode("utf-8", "replace")


def _seconds(text: str) -> int:
    """The seconds since 1970, not after the year 9999; 0 for none."""
    return min(int(text), 253_402_300_799) if text.isdigit() else 0
