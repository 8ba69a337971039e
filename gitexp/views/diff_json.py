"""A comparison of two points as `diff --json` and the dashboard have it."""

from __future__ import annotations

from typing import Any

from gitexp.catalog.lookup import Commit, Point, Workspace
from gitexp.catalog.replicates import spread_of
from gitexp.catalog.value_pairs import change_of
from gitexp.model import MISSING, Artifact, Change, Experiment, Mean, is_touched
from gitexp.views.data_diff import DataChange
from gitexp.views.diff import Diff, FileChange
from gitexp.views.uncertainty import Distance


def as_json(diff: Diff, patch: bytes | None) -> dict[str, Any]:
    """The comparison as `diff --json` has it. A side without a key has no value for the key."""
    command = None
    if diff.command:
        command = {"old": diff.command.old or None, "new": diff.command.new or None}
    document: dict[str, Any] = {
        "a": _point(diff.old),
        "b": _point(diff.new),
        "params": list(map(_change, diff.params)),
        "metrics": [_change_of_metric(change, diff.distances.get(change.key)) for change in diff.metrics],
        "code": list(map(_change_of_code, diff.code)),
        "results": list(map(_change_of_code, diff.results)),
        "other_projects": list(map(_change_of_code, diff.other_projects)),
        "data": list(map(_change_of_data, diff.data)),
        "command": command,
        "environment": list(map(_change, diff.environment)),
    }
    if patch is not None:
        document["patch"] = patch.decode("utf-8", "replace")
    return document


def _point(point: Point) -> dict[str, Any]:
    kind = {Workspace: "workspace", Commit: "commit", Experiment: "experiment"}[type(point.side)]
    document: dict[str, Any] = {"kind": kind, "name": point.label, "commit": point.commit}
    if point.experiment is not None and is_touched(point.experiment):
        document["touched"] = list(point.experiment.record.touched)
    return document


def _change(change: Change) -> dict[str, Any]:
    document = {"key": change.key, "old": change.old, "new": change.new}
    return {key: value for key, value in document.items() if value is not MISSING}


def _change_of_metric(change: Change, distance: Distance | None) -> dict[str, Any]:
    difference, percent = change_of(change)
    document = {**_change(change), "change": difference, "percent": percent}
    for side, value in (("old", change.old), ("new", change.new)):
        if isinstance(value, Mean):
            document[f"{side}_replicates"] = spread_of(value)
    if distance is not None and distance.is_inside is not None:
        document["noise"] = distance.as_json()
    return document


def _change_of_code(file: FileChange) -> dict[str, Any]:
    return {
        "path": file.path,
        "added": file.added,
        "deleted": file.deleted,
        "renamed_from": file.renamed_from,
    }


def _change_of_data(change: DataChange) -> dict[str, Any]:
    document = {"path": change.path, "old": _artifact(change.old), "new": _artifact(change.new)}
    if change.files is not None:
        document["files"] = change.files.as_json()
    return document


def _artifact(artifact: Artifact | None) -> dict[str, Any] | None:
    if artifact is None:
        return None
    document = artifact.as_json()
    del document["path"]
    return document
