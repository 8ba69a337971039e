"""Remove experiments into the trash, and bring them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches

from gitexp import errors
from gitexp.model import Experiment
from gitexp.ops import lookup, show
from gitexp.ops.finish import now
from gitexp.ops.project import Project
from gitexp.repo import operations, trash
from gitexp.repo.git import RefChange, RefConflict
from gitexp.repo.operations import Operation
from gitexp.repo.store import check_name
from gitexp.repo.trash import Trashed


@dataclass(frozen=True, slots=True)
class Selection:
    """Which experiments: by name, or those that a query finds. `keep` turns it round: all others.

    Without names and without a query there is none. What `keep` turns round is the query's baselines.
    """

    names: Sequence[str] = ()
    query: show.Query | None = None
    keep: bool = False


def select(project: Project, selection: Selection) -> list[Experiment]:
    """Return the experiments to remove, those that are running left out.

    Raises ExperimentError if one that was named is running, UsageError if nothing says which, and
    UnknownExperiment, AmbiguousExperiment.
    """
    named = [lookup.require_own(project, name, damaged=True) for name in selection.names]
    query = selection.query
    if not named and query is None:
        raise errors.UsageError(
            "Nothing says which experiments to remove.", "Name them, or use --filter or --failed."
        )
    found = [] if query is None else show.matching(project, query)
    chosen = {experiment.name: experiment for experiment in (*named, *found)}
    if selection.keep:
        scope = show.Query(everything=query.everything if query is not None else False)
        rest = show.matching(project, scope)
        return [e for e in rest if e.name not in chosen and _may_go(e)]
    for experiment in named:
        if not _may_go(experiment):
            raise errors.ExperimentError(
                f"{experiment.name} is {experiment.record.status}.", "End it first, or wait for its end."
            )
    return [experiment for experiment in chosen.values() if _may_go(experiment)]


def remove(project: Project, experiments: Sequence[Experiment]) -> None:
    """Put experiments into the trash, all or none; those that have lain there for thirty days go.

    Raises ExperimentError if one of them has been changed or removed meanwhile.
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
            "An experiment has been changed or removed just now.", "Look again: gitexp list; then remove."
        ) from error
    empty_expired(project, time)


def empty_expired(project: Project, time: datetime) -> int:
    """Delete for good what has lain in the trash for longer than it is kept; return how many that were."""
    old = trash.expired(project.repo, time)
    if old:
        project.repo.update_refs(old, "gitexp: trash")
    return len(old)


def trashed(project: Project) -> list[Trashed]:
    """Return what lies in the trash, the last removed first."""
    return trash.contents(project.repo)


def restore(project: Project, name: str, new_name: str | None = None) -> Experiment:
    """Bring the experiment back that was removed last under that name; return it.

    Raises UnknownExperiment if there is none in the trash, NameTaken if there is another one by now.
    """
    project.local.prepare()
    found = _in_trash(project, name)
    target = new_name or found.experiment.name
    check_name(target)
    with project.local.lock("names"):
        try:
            project.store.require_free(target)
        except errors.NameTaken as error:
            raise errors.NameTaken(
                error.message, f"Give it another name: gitexp restore {found.experiment.name} --name NEW"
            ) from error
        changes = found.restored_as(target)
        if target != found.experiment.name:
            record = replace(found.experiment.record, name=target)
            changes[0] = project.store.on_top(found.experiment, record)
        _carry_out(project, f"restore {target}", changes)
    restored = project.store.get(target)
    assert restored is not None
    return restored


def _in_trash(project: Project, name: str) -> Trashed:
    found = trash.contents(project.repo)
    names = [one.experiment.name for one in found]
    starting = list(dict.fromkeys(each for each in names if each.startswith(name)))
    exact = name if name in names else starting[0] if len(starting) == 1 else None
    if exact is None:
        near = starting or get_close_matches(name, names, n=3, cutoff=0.5)
        raise errors.UnknownExperiment(
            f"There is no experiment '{name}' in the trash.",
            f"Did you mean {' or '.join(near[:3])}?"
            if near
            else "gitexp restore --list shows what is there.",
        )
    return found[names.index(exact)]


def _may_go(experiment: Experiment) -> bool:
    return experiment.error is not None or experiment.record.status.ended


def _carry_out(project: Project, summary: str, changes: Sequence[RefChange]) -> None:
    project.local.prepare()
    operations.carry_out(project.repo, project.local, Operation(summary, now(), tuple(changes)))
