"""What a word on the command line stands for: an experiment, a Git revision, or the workspace."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from gitexp import errors, files
from gitexp.model import Experiment, Files
from gitexp.ops.project import Project, parse_all, parse_params

WORKSPACE = "workspace"


@dataclass(frozen=True, slots=True)
class Point:
    """One side of a comparison. `commit` is None for the workspace; `experiment` None for a revision.

    `complaints` say which params and metrics files could not be read, and why.
    """

    label: str
    commit: str | None
    params: Files
    metrics: Files
    experiment: Experiment | None = None
    complaints: Sequence[str] = ()


def experiments(project: Project) -> list[Experiment]:
    """Return every experiment that can be shown, in order of name; a damaged one has `error` set."""
    return project.store.all()


def require(project: Project, text: str) -> Experiment:
    """Return the experiment that a name, a unique prefix of one or a commit id stands for.

    Raises UnknownExperiment, AmbiguousExperiment or BadRecord.
    """
    return project.store.require(text)


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


def here(project: Project, more: Collection[str] = ()) -> Point:
    """Return the workspace as it stands, with `more` params files than the config names."""
    params, metrics, complaints = project.read_here(more)
    return Point(WORKSPACE, None, params, metrics, complaints=complaints)


def of_commit(project: Project, label: str, commit: str, more: Collection[str] = ()) -> Point:
    """Return a commit with the params and metrics files in it, `more` than the config names."""
    params, metrics, complaints = project.read_at([commit], more)[commit]
    return Point(label, commit, params, metrics, complaints=[f"{text} (in {label})" for text in complaints])


def beside(project: Project, point: Point, other: Point) -> Point:
    """Return a commit or the workspace with those params files read too that the other side has."""
    more = [name for name in other.params if name not in project.config.params]
    if point.experiment is not None or not more:
        return point
    if point.commit is None:
        return here(project, more)
    return of_commit(project, point.label, point.commit, more)


def of_experiment(project: Project, experiment: Experiment) -> Point:
    """Return an experiment with what its record says, and what was too large for the record.

    Raises BadRecord if that cannot be read.
    """
    found, complaints = _completed(project, experiment)
    if found.error is not None:
        raise errors.BadRecord(found.error, "git fsck tells whether the repository is sound.")
    record = found.record
    return Point(experiment.name, record.commit, record.params, record.metrics, found, complaints)


def complete(project: Project, experiment: Experiment) -> Experiment:
    """Return the experiment with the params and metrics that were too large for its record read in.

    Where Git cannot read them, the experiment has `error` set: it must not hide the others.
    """
    return _completed(project, experiment)[0]


def _completed(project: Project, experiment: Experiment) -> tuple[Experiment, list[str]]:
    record = experiment.record
    names = (*record.cut_params, *record.cut_metrics)
    if not names:
        return experiment, []
    try:
        blobs = project.repo.read_blobs([f"{record.commit}:{name}" for name in names])
    except (errors.GitexpError, ValueError) as error:
        reason = f"The files of {experiment.name} cannot be read: {error}"
        return replace(experiment, error=reason), []
    found = dict(zip(names, blobs, strict=True))
    params, unread = parse_all({name: found[name] for name in record.cut_params}, parse_params)
    metrics, bad = parse_all({name: found[name] for name in record.cut_metrics}, files.parse_metrics)
    record = replace(
        record,
        params={**record.params, **params},
        metrics={**record.metrics, **metrics},
        cut_params=(),
        cut_metrics=(),
    )
    lost = [
        f"{name}: too large for the record, and not in the experiment"
        for name in names
        if found[name] is None
    ]
    return replace(experiment, record=record), [*lost, *unread, *bad]
