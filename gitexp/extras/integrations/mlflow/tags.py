"""Tags of MLflow, a name and a value each: those of a record, and the tags of people as gitexp has them."""

from __future__ import annotations

from collections.abc import Mapping

from gitexp.log_rules import LONGEST_TAG
from gitexp.model import Record

NOTE, PARENT, COMMAND = "mlflow.note.content", "mlflow.parentRunId", "mlflow.source.name"
COMMIT, PATCH = "mlflow.source.git.commit", "mlflow.source.git.diff"
_OWN = ("mlflow.", "gitexp.")  # names that no person has given


def tags_of(record: Record, name: str, longest: int) -> dict[str, str]:
    """The tags of a record; `longest` is MLflow's limit for a command, in characters."""
    tags = {
        "mlflow.runName": name,
        "mlflow.user": record.user,
        "mlflow.source.type": "LOCAL",
        COMMIT: record.baseline,
        "gitexp.name": name,
    }
    if record.command:
        tags[COMMAND] = record.command[:longest]
    if record.note:
        tags[NOTE] = record.note
    for tag in record.tags:
        key, _, value = tag.partition("=")
        tags[key] = value
    return tags


def labels_of(tags: Mapping[str, str]) -> list[str]:
    """The tags from people, as `name=value` or `name`; tags that gitexp's rules forbid are left out."""
    found = []
    for name, value in tags.items():
        label = f"{name}={value}" if value else name
        if not name.startswith(_OWN) and label.isprintable() and len(label) <= LONGEST_TAG:
            found.append(label)
    return found
