"""Remove experiments into the trash, and bring them back."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeGuard

from gitexp import errors
from gitexp.catalog import by_words, lookup, sources
from gitexp.catalog.query import Query, matching
from gitexp.model import Experiment, Status, Stored, readable
from gitexp.project.change import Transaction
from gitexp.project.project import Project
from gitexp.repo import trash
from gitexp.repo.git.values import RefConflict


@dataclass(frozen=True, slots=True)
class Selection:
    """The experiments to remove: by name, because they failed, or by a filter.

    Only names select a damaged experiment: a later gitexp may have made it.

    Attributes:
        failed: True: failed experiments; False: `filter` finds no failed ones.
        everything: `failed`, `filter` and `keep` look at all experiments; else at those of HEAD.
        keep: remove all experiments except the named ones.
        all_projects: `failed`, `filter` and `keep` look at all projects; else at the user's.
    """

    names: Sequence[str] = ()
    failed: bool | None = None
    filter: str | None = None
    everything: bool = False
    keep: bool = False
    all_projects: bool = False


def select(project: Project, selection: Selection) -> list[Stored]:
    """The experiments to remove, without running ones.

    Raises StillRunning if a named one is running, UsageError for a selection that is empty or has two
    meanings, UnknownExperiment and AmbiguousExperiment.
    """
    chosen = _chosen(project, selection)
    return [found for found in chosen if sources.is_own(found) and not _is_running(found)]


def count_of_dvc(project: Project, selection: Selection) -> int:
    """How many of the selected experiments are DVC's; they stay, for gitexp only reads them."""
    return sum(not sources.is_own(experiment) for experiment in _chosen(project, selection))


def _chosen(project: Project, selection: Selection) -> list[Stored]:
    looked_for = selection.failed is True or selection.filter is not None
    if selection.keep and (looked_for or selection.failed is not None):
        raise errors.UsageError(
            "--keep removes all but those that are named: it does not go with --failed and --filter.",
            "To spare some of those that failed: --failed --filter \"name not in ['exp-333c9']\"",
        )
    if not selection.names and not looked_for:
        raise errors.UsageError(
            "Nothing says which experiments to remove.", "Name them, or use --filter or --failed."
        )
    named = [lookup.require_own_stored(project, name) for name in by_words.expanded(project, selection.names)]
    scope = Query(selection.everything, all_projects=selection.all_projects)
    if selection.keep:
        kept = {one.name for one in named}
        return [one for one in _readable(project, scope) if one.name not in kept]
    _refuse_running(named)
    if looked_for:
        named += _readable(project, scope._replace(failed=selection.failed, filter=selection.filter))
    each_once = {(one.source, one.name): one for one in named}
    return list(each_once.values())


def _refuse_running(named: Sequence[Stored]) -> None:
    for one in named:
        if _is_running(one):
            raise errors.ExperimentError(
                f"{one.name} is {one.record.status}.",
                "End it first, or wait for its end.",
                code="still-running",
            )


def remove(project: Project, experiments: Sequence[Stored]) -> None:
    """Put experiments into the trash, all or none, and empty it of those seen there for thirty days.

    Raises ChangedMeanwhile if another process has changed or removed one of them.
    """
    if not experiments:
        return
    time = datetime.now(UTC)
    changes = trash.removal(experiments, time)
    names = ", ".join(experiment.name for experiment in experiments[:3])
    if len(experiments) > 3:
        names += f" and {len(experiments) - 3:,} more"
    try:
        Transaction.begin(project, f"remove {names}").move(*changes)
    except RefConflict as error:
        raise errors.ExperimentError(
            "An experiment has been changed or removed just now.",
            "Look again: gitexp list; then remove.",
            code="changed-meanwhile",
        ) from error
    if project.dry_run:
        return
    with contextlib.suppress(RefConflict, OSError):  # another process does so just now, or a later one will
        trash.empty_expired(project.repo, trash.look(project.repo, time))


def _readable(project: Project, query: Query) -> list[Experiment]:
    return readable(matching(project, query))


def _is_running(one: Stored) -> TypeGuard[Experiment]:
    return isinstance(one, Experiment) and one.record.status is Status.RUNNING
