"""What a coming run is held to: the protected files and the evaluation that its baseline names."""

from __future__ import annotations

from dataclasses import replace

from gitexp import plugins
from gitexp.model import Record
from gitexp.project import baseline_config
from gitexp.project.project import Project


def at_start(record: Record, project: Project, tree: str, at: str, queued: Record | None = None) -> Record:
    """The record of a coming run, with the demands of a commit's gitexp.yaml.

    `queued`: the record in the queue, for a run from the queue. Raises ExperimentError (unknown-experiment)
    for an evaluation by a commit missing here.
    """
    found = baseline_config.read(project.repo, at, project.config.folder)
    if not found.trees and at != record.baseline and project.repo.resolve(at) is None:
        told = f"nobody can tell whether it has changed protected files: the commit {at[:7]} is not here"
        before = {} if queued is None else queued.protected
        return replace(record, protected=before, warnings=(*record.warnings, told))
    own = project.config
    if not (found.trees or found.fault or own.protected or own.holdout):
        return record
    record = plugins.load("trust", "protected at the start")(record, project, tree, found)
    settled: Record = plugins.load("trust", "holdout at the start")(record, project, found, queued)
    return settled
