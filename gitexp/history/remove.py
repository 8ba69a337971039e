"""Remove experiments into the trash, and bring them back."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gitexp import errors
from gitexp.catalog import lookup, sources
from gitexp.catalog.query import Query, matching
from gitexp.model import Damaged, Experiment, Stored
from gitexp.project.project import Project
from gitexp.repo import operations, trash
from gitexp.repo.git.values import RefChange, RefConflict
from gitexp.repo.operations import Operation
from gitexp.repo.trash import empty_expired
from gitexp.times import now


@dataclass(frozen=True, slots=True)
class Selection:
    """Which experiments: those named, and those that failed or that a filter finds.

    With `keep` all others than those named. What is not named is looked for among the experiments of HEAD,
    or with `everything` among all, without those that cannot be read: a later gitexp may have made them.
    """

    names: Sequence[str] = ()
    failed: bool = False
    filter: str | None = None
    everything: bool = False
    keep: bool = False


def select(project: Project, selection: Selection) -> list[Stored]:
    """Return the experiments to remove, those that are running left out.

    Raises StillRunning if one that was named is, UsageError if nothing says which or it may be meant in
    two ways, and UnknownExperiment, AmbiguousExperiment.
    """
    return [found for found in _chosen(project, selection) if sources.is_own(found) and _may_go(found)]


def count_of_dvc(project: Project, selection: Selection) -> int:
    """Return how many of DVC's experiments are like that, which stay: they are only read."""
    return sum(not sources.is_own(experiment) for experiment in _chosen(project, selection))


def _chosen(project: Project, selection: Selection) -> list[Stored]:
    looked_for = selection.failed or selection.filter is not None
    if selection.keep and looked_for:
        raise errors.UsageError(
            "--keep removes all but those that are named: it does not go with --failed and --filter.",
            "To spare some of those that failed: --failed --filter \"name not in ['exp-333c9']\"",
        )
    if not selection.names and not looked_for:
        raise errors.UsageError(
            "Nothing says which experiments to remove.", "Name them, or use --filter or --failed."
        )
    chosen = [lookup.require_own_stored(project, name) for name in selection.names]
    going = [one for one in chosen if isinstance(one, Experiment) and not one.record.status.ended]
    if going and not selection.keep:
        raise errors.ExperimentError(
            f"{going[0].name} is {going[0].record.status}.",
            "End it first, or wait for its end.",
            code="still-running",
        )
    scope = Query(selection.everything)
    if looked_for:
        failed = True if selection.failed else None
        chosen += _readable(project, replace(scope, failed=failed, filter=selection.filter))
    if selection.keep:
        kept = {experiment.name for experiment in chosen}
        chosen = [e for e in _readable(project, scope) if e.name not in kept]
    return list({(experiment.source, experiment.name): experiment for experiment in chosen}.values())


def remove(project: Project, experiments: Sequence[Stored]) -> None:
    """Put experiments into the trash, all or none; those that have lain there for thirty days go.

    Raises ChangedMeanwhile if one of them has been changed or removed meanwhile.
    """
    if not experiments:
        return
    time = datetime.now(UTC)
    changes = trash.removal(experiments, time)
    names = ", ".join(experiment.name for experiment in experiments[:3])
    more = f" and {len(experiments) - 3:,} more" if len(experiments) > 3 else ""
    try:
        _carry_out(project, f"remove {names}{more}", changes)
    except RefConflict as error:
        raise errors.ExperimentError(
            "An experiment has been changed or removed just now.",
            "Look again: gitexp list; then remove.",
            code="changed-meanwhile",
        ) from error
    with contextlib.suppress(RefConflict):  # another process has just done so
        empty_expired(project.repo, time)


def _readable(project: Project, query: Query) -> list[Experiment]:
    return [one for one in matching(project, query) if isinstance(one, Experiment)]


def _may_go(experiment: Stored) -> bool:
    return isinstance(experiment, Damaged) or experiment.record.status.ended


def _carry_out(project: Project, summary: str, changes: Sequence[RefChange]) -> None:
    project.local.prepare()
    operations.carry_out(project.repo, project.local, Operation(summary, now(), tuple(changes)))
