"""Experiments in the trash, and their way back."""

from __future__ import annotations

from dataclasses import replace

from gitexp import errors
from gitexp.model import Damaged, Experiment, Stored
from gitexp.project.change import Transaction, names_held
from gitexp.project.project import Project
from gitexp.repo import trash
from gitexp.repo.experiments import check_name
from gitexp.repo.trash import Trashed
from gitexp.words import did_you_mean


def trashed(project: Project) -> list[Trashed]:
    """The experiments in the trash, the last removed first."""
    return trash.contents(project.repo)


def restore(project: Project, name: str, new_name: str | None = None) -> Stored:
    """Bring back the experiment removed last under a name; returns the experiment.

    Raises UnknownExperiment if the trash has none, NameTaken if another experiment has the name by now,
    BadRecord for a damaged one that is to have a new name.
    """
    project.local.prepare()
    found = in_trash(project, name)
    target = new_name or found.experiment.name
    check_name(target)
    removed = found.experiment
    if isinstance(removed, Damaged) and target != removed.name:
        raise errors.BadRecord(removed.error, "It can be restored under its own name only.")
    with names_held(project):
        try:
            project.store.require_free(target)
        except errors.NameTaken as error:
            raise errors.NameTaken(
                error.message, f"Give it another name: gitexp restore {removed.name} --name NEW"
            ) from error
        changes = found.restored_as(target)
        if isinstance(removed, Experiment) and target != removed.name:
            changes[0] = project.store.on_top(removed, replace(removed.record, name=target))
        Transaction.begin(project, f"restore {target}").move(*changes)
    if project.dry_run:
        return removed._replace(name=target)
    restored = project.store.get(target)
    assert restored is not None
    return restored


def in_trash(project: Project, name: str) -> Trashed:
    """The experiment in the trash with a name, or with a unique beginning of a name; the last one removed.

    Raises UnknownExperiment.
    """
    found = trash.contents(project.repo)
    names = [one.experiment.name for one in found]
    starting = list(dict.fromkeys(each for each in names if each.startswith(name)))
    if name in names:
        return found[names.index(name)]
    if len(starting) == 1:
        return found[names.index(starting[0])]
    hint = did_you_mean(name, names, "gitexp restore --list shows what is there.")
    if starting:
        hint = f"Did you mean {' or '.join(starting[:3])}?"
    raise errors.ExperimentError(
        f"There is no experiment '{name}' in the trash.", hint, code="unknown-experiment"
    )
