"""Objects of `--json` and rows of tables: models, versions, events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitexp.extras.registry.tenures import Tenure
from gitexp.extras.registry.values import ModelEvent, ModelFacts, ModelVersion, RegisteredModel
from gitexp.times import show_brief_moment, show_moment, stamp_of
from gitexp.words import PRECISION, clean, counted, human_size, show_value

MODEL_HEADS = ("Model", "Latest", "Stages", "Experiment", "Versions")
VERSION_HEADS = ("Version", "Stages", "Experiment", "Registered", "By", "Metrics")
EVENT_HEADS = ("Time", "Event", "Version", "Stage", "By", "Note")
TENURE_HEADS = ("Stage", "Version", "Experiment", "Since", "Until", "Put there by", "Note")

_METRICS = 4  # of a version in a table


# -- models -------------------------------------------------------------------------------------------


def model_document(model: RegisteredModel, facts: ModelFacts) -> dict[str, Any]:
    """A model in the form of `model list --json`; `facts` are those of its latest version."""
    latest = None
    if model.latest is not None:
        latest = model.latest.version
    return {
        "name": model.name,
        "latest": latest,
        "stages": {stage: one.version.version for stage, one in model.stages.items()},
        "experiment": facts.experiment or None,
        "versions": sum(1 for one in model.versions if one.is_registered and one.is_active),
        "deprecated": model.is_deprecated,
    }


def model_row(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The row of a model in a table."""
    stages = ", ".join(f"{stage} {version[:30]}" for stage, version in document["stages"].items())
    name = document["name"]
    if document["deprecated"]:
        name += " (deprecated)"
    texts = (name, document["latest"] or "-", stages or "-", document["experiment"] or "-")
    return (*map(clean, texts), str(document["versions"]))


# -- versions -----------------------------------------------------------------------------------------


def version_document(model: RegisteredModel, version: ModelVersion, facts: ModelFacts) -> dict[str, Any]:
    """A version in the form of `model show --json`."""
    event = version.registration
    made: dict[str, Any] = dict.fromkeys(("tag", "registered", "by", "email"))
    if event is not None:
        made = {"tag": event.name.text, "registered": event.created, "by": event.author, "email": event.email}
    number = None
    if version.is_registered:
        number = version.version
    return {
        "model": model.name,
        "version": number,
        "commit": version.commit,
        **made,
        "stages": model.stages_of(version),
        "active": version.is_active,
        **facts_document(facts),
    }


def facts_document(facts: ModelFacts) -> dict[str, Any]:
    """The facts of an annotation in the form of `--json`."""
    return {
        "experiment": facts.experiment or None,
        "experiment_commit": facts.commit or None,
        "path": facts.path or None,
        "hash": facts.hash or None,
        "size": facts.size,
        "files": facts.files,
        "metrics": dict(facts.metrics),
        "signature": dict(facts.signature) or None,
        "note": facts.note,
    }


def version_row(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The row of a version in a table."""
    name = document["version"] or document["commit"][:7]
    if not document["active"]:
        name += " (taken back)"
    registered = show_brief_moment(document["registered"]) if document["registered"] else "-"
    texts = (name, ", ".join(document["stages"]) or "-", document["experiment"] or "-", registered)
    return (*map(clean, texts), clean(document["by"] or "-"), metrics_text(document["metrics"], _METRICS))


def metrics_text(metrics: Mapping[str, Any], most: int) -> str:
    """The first metrics in a line: `acc 0.93, loss 0.21`."""
    shown = [f"{key} {show_value(value, PRECISION)}" for key, value in list(metrics.items())[:most]]
    if len(metrics) > most:
        shown.append(f"and {len(metrics) - most} more")
    return clean(", ".join(shown))


def version_lines(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """All about a version for people: names and texts."""
    registered, who = "", ""
    if document["registered"]:
        registered = show_moment(document["registered"])
    if document["by"]:
        who = f"{document['by']} <{document['email']}>"
    found = [
        ("version", document["version"] or document["commit"]),
        ("stages", ", ".join(document["stages"])),
        ("experiment", document["experiment"] or ""),
        ("commit", document["commit"]),
        ("path", document["path"] or ""),
        ("size", _size(document)),
        ("hash", document["hash"] or ""),
        ("registered", registered),
        ("by", who),
        ("tag", document["tag"] or ""),
        ("note", document["note"]),
    ]
    for key, value in document["metrics"].items():
        found.append((f"metrics.{key}", show_value(value, PRECISION)))
    for key, value in (document["signature"] or {}).items():
        found.append((f"signature.{key}", show_value(value)))
    return [(clean(name), clean(text)) for name, text in found if text]


def _size(document: Mapping[str, Any]) -> str:
    """The size of a model, and the number of its files; "" if unknown."""
    if document["size"] is None:
        return ""
    size = human_size(document["size"])
    if document["files"] is None:
        return size
    return f"{size} in {counted(document['files'], 'file')}"


# -- events -------------------------------------------------------------------------------------------


def event_document(model: RegisteredModel, event: ModelEvent, facts: ModelFacts) -> dict[str, Any]:
    """A tag in the form of `model history --json`."""
    version = event.name.version
    if event.name.stage:
        version = model.version_at.get(event.commit, event.commit)
    return {
        "time": event.created,
        "model": event.model,
        "event": str(event.action),
        "version": version or None,
        "stage": event.name.stage or None,
        "by": event.author or None,
        "email": event.email or None,
        "commit": event.commit,
        "tag": event.name.text,
        "experiment": facts.experiment or None,
        "note": facts.note,
    }


def event_row(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The row of a tag in a table."""
    version = (document["version"] or "-")[:30]
    note = document["note"].partition("\n")[0]
    texts = (document["event"], version, document["stage"] or "-", document["by"] or "-", note)
    return (show_moment(document["time"]), *map(clean, texts))


def tenure_document(tenure: Tenure, facts: ModelFacts) -> dict[str, Any]:
    """A version in a stage, in the form of `model history --at --json`."""
    until, ended_by = None, None
    if tenure.until is not None:
        until = stamp_of(tenure.until)
    if tenure.ended is not None:
        ended_by = tenure.ended.author or None
    return {
        "stage": tenure.stage,
        "version": tenure.version.version,
        "commit": tenure.version.commit,
        "experiment": facts.experiment or None,
        "since": stamp_of(tenure.since),
        "until": until,
        "by": tenure.given.author or None,
        "email": tenure.given.email or None,
        "tag": tenure.given.name.text,
        "ended_by": ended_by,
        "note": facts.note,
    }


def tenure_row(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The row of a version in a stage."""
    until = show_moment(document["until"]) if document["until"] else "now"
    texts = (document["stage"], document["version"][:30], document["experiment"] or "-")
    note = document["note"].partition("\n")[0]
    when = (show_moment(document["since"]), until)
    return (*map(clean, texts), *when, clean(document["by"] or "-"), clean(note))


def columns(documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The objects with flat values, for a table of another program."""
    found = []
    for document in documents:
        flat = dict[str, Any]()
        for key, value in document.items():
            if isinstance(value, Mapping):
                value = ", ".join(f"{name} {each}" for name, each in value.items())
            elif isinstance(value, list):
                value = ", ".join(map(str, value))
            flat[key] = value
        found.append(flat)
    return found
