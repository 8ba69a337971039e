"""Change what is said of an experiment: its note, its tags, its name. Each can be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.model import Experiment, Record
from gitexp.project.project import Project
from gitexp.repo import operations
from gitexp.repo.experiments import PREFIX, check_name
from gitexp.repo.git.values import RefChange, RefConflict
from gitexp.repo.operations import Operation
from gitexp.times import now

_ATTEMPTS = 10
_LONGEST_TAG = 100  # characters


def note(project: Project, name: str, text: str) -> Experiment:
    """Set an experiment's note, or take it away where `text` is empty; return the experiment.

    Raises UnknownExperiment, AmbiguousExperiment or BadRecord.
    """
    return _edit(project, name, "note", lambda record: replace(record, note=text.strip()))


def tag(project: Project, name: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Experiment:
    """Give tags to an experiment, and take others from it; return the experiment.

    Raises InvalidName for a tag that cannot be, UnknownTag for one that it has not, and what `note` raises.
    """
    for text in add:
        if not text.strip() or not text.isprintable() or len(text) > _LONGEST_TAG:
            raise errors.InvalidName(
                f"{text[:_LONGEST_TAG]!r} cannot be a tag.",
                f"A tag is up to {_LONGEST_TAG} printable characters.",
            )

    def change(record: Record) -> Record:
        for text in remove:
            if text not in record.tags:
                has = ", ".join(record.tags) or "none"
                raise errors.UsageError(
                    f"{record.name} has no tag '{text}'.", f"Its tags: {has}.", code="unknown-tag"
                )
        kept = [text for text in record.tags if text not in remove]
        return replace(record, tags=tuple(dict.fromkeys([*kept, *map(str.strip, add)])))

    return _edit(project, name, "tag", change)


def rename(project: Project, old: str, new: str) -> Experiment:
    """Give an experiment another name; return it. Whoever still knows the old one may undo it.

    Raises InvalidName, NameTaken (names are compared without regard to case), StillRunning while
    it is running, and what `note` raises.
    """
    check_name(new)
    experiment = lookup.require_own(project, old)
    if not experiment.record.status.ended:
        raise errors.ExperimentError(
            f"{experiment.name} is {experiment.record.status}: its run knows it by that name.",
            "Wait for it to end.",
            code="still-running",
        )
    if new == experiment.name:
        return experiment
    with project.local.lock("names"):
        project.store.require_free(new)
        change = project.store.on_top(experiment, replace(experiment.record, name=new))
        gone = RefChange(PREFIX + experiment.name, experiment.id, None)
        _carry_out(project, f"rename {experiment.name} {new}", change, gone)
    assert change.new is not None
    return replace(experiment, name=new, id=change.new, record=replace(experiment.record, name=new))


def _edit(project: Project, name: str, verb: str, change: Callable[[Record], Record]) -> Experiment:
    project.local.prepare()
    for _ in range(_ATTEMPTS):
        experiment = lookup.require_own(project, name)
        record = change(experiment.record)
        if record == experiment.record:
            return experiment
        step = project.store.on_top(experiment, record)
        try:
            _carry_out(project, f"{verb} {experiment.name}", step)
        except RefConflict:  # its run has just ended, or somebody else edits it too
            continue
        assert step.new is not None
        return replace(experiment, id=step.new, record=record)
    raise errors.GitFailed(f"{name} keeps changing under us.", "Run the command again in a moment.")


def _carry_out(project: Project, summary: str, *changes: RefChange) -> None:
    operations.carry_out(project.repo, project.local, Operation(summary, now(), changes))
