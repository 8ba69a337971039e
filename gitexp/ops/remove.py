"""Remove experiments into the trash, and bring them back."""

from __future__ import annotations

import contextlib
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
from gitexp.repo.operations import Operation
from gitexp.repo.store import check_name
from gitexp.repo.trash import Trashed
from gitexp.repo.values import RefChange, RefConflict


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


def select(project: Project, selection: Selection) -> list[Experiment]:
    """Return the experiments to remove, those that are running left out.

    Raises StillRunning if one that was named is, UsageError if nothing says which or it may be meant in
    two ways, and UnknownExperiment, AmbiguousExperiment.
    """
    return [found for found in _chosen(project, selection) if found.source == "gitexp" and _may_go(found)]


def count_of_dvc(project: Project, selection: Selection) -> int:
    """Return how many of DVC's experiments are like that, which stay: they are only read."""
    return sum(experiment.source != "gitexp" for experiment in _chosen(project, selection))


def _chosen(project: Project, selection: Selection) -> list[Experiment]:
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
    chosen = [lookup.require_own(project, name, damaged=True) for name in selection.names]
    going = [experiment for experiment in chosen if not _may_go(experiment)]
    if going and not selection.keep:
        raise errors.StillRunning(
            f"{going[0].name} is {going[0].record.status}.", "End it first, or wait for its end."
        )
    scope = show.Query(selection.everything)
    if looked_for:
        failed = True if selection.failed else None
        chosen += _readable(project, replace(scope, failed=failed, filter=selection.filter))
    if selection.keep:
        kept = {experiment.name for experiment in chosen}
        chosen = [e for e in _readable(project, scope) if e.name not in kept]
    return list({(experiment.source, experiment.name): experiment for experiment in chosen}.values())


def remove(project: Project, experiments: Sequence[Experiment]) -> None:
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
        raise errors.ChangedMeanwhile(
            "An experiment has been changed or removed just now.", "Look again: gitexp list; then remove."
        ) from error
    with contextlib.suppress(RefConflict):  # another process has just done so
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

    Raises UnknownExperiment if there is none in the trash, NameTaken if there is another one by now,
    BadRecord for one that cannot be read if it is to have a new name.
    """
    project.local.prepare()
    found = _in_trash(project, name)
    target = new_name or found.experiment.name
    check_name(target)
    if found.experiment.error is not None and target != found.experiment.name:
        raise errors.BadRecord(found.experiment.error, "It can be restored under its own name only.")
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


def _readable(project: Project, query: show.Query) -> list[Experiment]:
    return [experiment for experiment in show.matching(project, query) if experiment.error is None]


def _may_go(experiment: Experiment) -> bool:
    return experiment.error is not None or experiment.record.status.ended


def _carry_out(project: Project, summary: str, changes: Sequence[RefChange]) -> None:
    project.local.prepare()
    operations.carry_out(project.repo, project.local, Operation(summary, now(), tuple(changes)))
