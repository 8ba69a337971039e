"""Experiments in the trash, and their way back."""

from __future__ import annotations

from dataclasses import replace

from gitexp import errors
from gitexp.history.remove import _carry_out
from gitexp.model import Damaged, Experiment, Stored
from gitexp.project.project import Project
from gitexp.repo import trash
from gitexp.repo.experiments import check_name
from gitexp.repo.trash import Trashed
from gitexp.words import did_you_mean


def trashed(project: Project) -> list[Trashed]:
    """Return what lies in the trash, the last removed first."""
    return trash.contents(project.repo)


def restore(project: Project, name: str, new_name: str | None = None) -> Stored:
    """Bring the experiment back that was removed last under that name; return it.

    Raises UnknownExperiment if there is none in the trash, NameTaken if there is another one by now,
    BadRecord for one that cannot be read if it is to have a new name.
    """
    project.local.prepare()
    found = _in_trash(project, name)
    target = new_name or found.experiment.name
    check_name(target)
    removed = found.experiment
    if isinstance(removed, Damaged) and target != removed.name:
        raise errors.BadRecord(removed.error, "It can be restored under its own name only.")
    with project.local.lock("names"):
        try:
            project.store.require_free(target)
        except errors.NameTaken as error:
            raise errors.NameTaken(
                error.message, f"Give it another name: gitexp restore {removed.name} --name NEW"
            ) from error
        changes = found.restored_as(target)
        if isinstance(removed, Experiment) and target != removed.name:
            changes[0] = project.store.on_top(removed, replace(removed.record, name=target))
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
        hint = did_you_mean(name, names, "gitexp restore --list shows what is there.")
        if starting:
            hint = f"Did you mean {' or '.join(starting[:3])}?"
        raise errors.ExperimentError(
            f"There is no experiment '{name}' in the trash.", hint, code="unknown-experiment"
        )
    return found[names.index(exact)]
