"""What a word on the command line stands for: an experiment, a Git revision, or the workspace."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from difflib import get_close_matches

from gitexp import errors, files
from gitexp.model import Experiment, Files
from gitexp.ops.project import Project, parse_all

WORKSPACE = "workspace"


@dataclass(frozen=True, slots=True)
class Point:
    """One side of a comparison. `commit` is None for the workspace; `experiment` None for a revision."""

    label: str
    commit: str | None
    params: Files
    metrics: Files
    experiment: Experiment | None = None


def find(project: Project, text: str) -> Point:
    """Return what `text` stands for: an experiment's full name before a branch or tag, these before
    the beginning of a name.

    Raises UnknownExperiment, AmbiguousExperiment or BadRecord.
    """
    if text == WORKSPACE:
        return here(project)
    named = project.store.get(text) is not None
    if (named or not _is_ref(project, text)) and project.store.find(text) is not None:
        return of_experiment(project, project.store.require(text))
    if (commit := project.repo.resolve(text)) is not None:
        return of_commit(project, text, commit)
    near = get_close_matches(text, project.store.names(), n=3, cutoff=0.5)
    raise errors.UnknownExperiment(
        f"There is no experiment, branch or commit '{text}'.",
        f"Did you mean {' or '.join(near)}?" if near else "gitexp list -A names all experiments.",
    )


def _is_ref(project: Project, text: str) -> bool:
    """Return whether a branch or tag is called exactly so, or it is HEAD."""
    names = [prefix + text for prefix in ("refs/heads/", "refs/tags/", "refs/remotes/")]
    if text == "HEAD" or "\0" in text:
        return text == "HEAD"
    return any(os.fsdecode(ref) in names for (ref,) in project.repo.refs(*names, fields=("refname",)))


def here(project: Project) -> Point:
    """Return the workspace as it stands."""
    params, metrics = project.files_here()
    return Point(WORKSPACE, None, params, metrics)


def of_commit(project: Project, label: str, commit: str) -> Point:
    """Return a commit with the params and metrics files in it."""
    params, metrics = project.files_at([commit])[commit]
    return Point(label, commit, params, metrics)


def of_experiment(project: Project, experiment: Experiment) -> Point:
    """Return an experiment with what its record says, and what was too large for the record."""
    record = complete(project, experiment)
    return Point(experiment.name, record.record.commit, record.record.params, record.record.metrics, record)


def complete(project: Project, experiment: Experiment) -> Experiment:
    """Return the experiment with the params and metrics that were too large for its record read in."""
    record = experiment.record
    if not record.cut:
        return experiment
    blobs = project.repo.read_blobs([f"{record.commit}:{name}" for name in record.cut])
    found = dict(zip(record.cut, blobs, strict=True))
    metric_names = {name for name in found if name in project.config.metrics}
    params, _ = parse_all({n: d for n, d in found.items() if n not in metric_names}, files.parse)
    metrics, _ = parse_all({n: d for n, d in found.items() if n in metric_names}, files.parse_metrics)
    record = replace(
        record, params={**record.params, **params}, metrics={**record.metrics, **metrics}, cut=()
    )
    return replace(experiment, record=record)
