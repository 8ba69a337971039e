"""The models of a repository for the dashboard: versions, stages, and who has changed them."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from gitexp.extras.registry import documents
from gitexp.extras.registry.registry import Registry
from gitexp.extras.registry.tenures import tenures
from gitexp.extras.registry.values import ModelEvent, ModelFacts, RegisteredModel
from gitexp.project.project import Project

_MOST_MODELS = 500
_MOST = 200  # versions, events and tenures of a model, the newest ones

Document = dict[str, Any]
Facts = Mapping[str, ModelFacts]  # of tags, by the ids of their objects


def models_document(project: Project) -> Document:
    """The document of the page of models.

    Fields:
        models: by name, each with its versions, the tenures of its stages, and its events, the newest first.
        count: number of all models.
        complaints: sentences about unreadable tags.
    """
    registry = Registry.read(project)
    every = registry.models()
    names = frozenset(project.store.names())
    found = []
    for model in every[:_MOST_MODELS]:
        facts = registry.facts(_events_shown(model))
        found.append(_model(model, facts, names))
    return {"models": found, "count": len(every), "complaints": [*registry.complaints]}


def _events_shown(model: RegisteredModel) -> list[ModelEvent]:
    """The events whose annotations the page shows."""
    shown = [*model.events[-_MOST:]]
    for version in model.versions[:_MOST]:
        if version.registration is not None:
            shown.append(version.registration)
    return shown


def _model(model: RegisteredModel, facts: Facts, names: Container[str]) -> Document:
    """A model, with all that the page shows."""
    latest = model.latest.registration if model.latest is not None else None
    versions = []
    for version in model.versions[:_MOST]:
        own = _facts(facts, version.registration)
        document = documents.version_document(model, version, own)
        versions.append({**document, "here": own.experiment in names})
    events = [documents.event_document(model, event, _facts(facts, event)) for event in model.events[-_MOST:]]
    return {
        **documents.model_document(model, _facts(facts, latest)),
        "list": versions,
        "left": max(0, len(model.versions) - _MOST),
        "tenures": _tenures(model, facts),
        "events": events[::-1],
        "earlier": max(0, len(model.events) - _MOST),
    }


def _tenures(model: RegisteredModel, facts: Facts) -> Sequence[Document]:
    """The times of versions in stages, the first first."""
    return [documents.tenure_document(one, _facts(facts, one.given)) for one in tenures(model)[-_MOST:]]


def _facts(facts: Facts, event: ModelEvent | None) -> ModelFacts:
    """The facts in the annotation of a tag; without any for a tag without an annotation."""
    if event is None:
        return ModelFacts()
    return facts.get(event.id, ModelFacts())
