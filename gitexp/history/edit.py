"""Change what is said of an experiment: its note, its tags, its name. Each change can be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gitexp import errors
from gitexp.catalog import by_words, lookup
from gitexp.log_rules import LONGEST_TAG, is_tag
from gitexp.model import Experiment, Record
from gitexp.project.change import Transaction, names_held, retried
from gitexp.project.project import Project
from gitexp.repo.experiments import PREFIX, check_name
from gitexp.repo.git.values import RefChange


def note(project: Project, name: str, text: str) -> Experiment:
    """Set the note of an experiment, or delete it with an empty `text`; returns the experiment.

    Raises UnknownExperiment, AmbiguousExperiment or BadRecord.
    """
    return change_all(project, [name], "note", lambda record: replace(record, note=text.strip()))[0]


def tag(project: Project, name: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Experiment:
    """Add tags to an experiment and remove others; returns the experiment. Raises the errors of `tag_all`."""
    return tag_all(project, [name], add, remove)[0]


def tag_all(
    project: Project,
    names: Sequence[str],
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    *,
    where_present: bool = False,
) -> list[Experiment]:
    """Add tags to some experiments and remove others, of all or of none; returns the experiments.

    Raises InvalidName for an impossible tag, UnknownTag for a tag in `remove` missing on an
    experiment, and the errors of `note`. With `where_present`, a tag may be missing on some experiments.
    """
    for text in add:
        if not is_tag(text):
            raise errors.InvalidName(
                f"{text[:LONGEST_TAG]!r} cannot be a tag.",
                f"A tag is up to {LONGEST_TAG} printable characters.",
            )

    def change(record: Record) -> Record:
        for text in remove:
            if text not in record.tags and not where_present:
                has = ", ".join(record.tags) or "none"
                raise errors.UsageError(
                    f"{record.name} has no tag '{text}'.", f"Its tags: {has}.", code="unknown-tag"
                )
        kept = [text for text in record.tags if text not in remove]
        return replace(record, tags=tuple(dict.fromkeys([*kept, *map(str.strip, add)])))

    return change_all(project, names, "tag", change)


def rename(project: Project, old: str, new: str) -> Experiment:
    """Give an experiment another name; returns the experiment.

    Raises InvalidName, NameTaken (names are compared without regard to case), StillRunning while
    the experiment runs, and the errors of `note`.
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
    with names_held(project):
        try:
            project.store.require_free(new)
        except errors.NameTaken as error:
            raise errors.NameTaken(
                error.message, f"Choose another name: gitexp rename {experiment.name} NEW"
            ) from error
        renamed, created = _written(project, experiment, replace(experiment.record, name=new))
        gone = RefChange(PREFIX + experiment.name, experiment.id, None)
        Transaction.begin(project, f"rename {experiment.name} {new}").move(created, gone)
    return renamed


def change_all(
    project: Project, names: Sequence[str], verb: str, change: Callable[[Record], Record]
) -> list[Experiment]:
    """The experiments after the same change to the record of each, in one operation called by the verb."""

    def attempt() -> list[Experiment]:
        edited, steps, changed = [], [], []
        found = {}
        for name in by_words.expanded(project, names):
            one = lookup.require_own(project, name)
            found[one.name] = one
        for experiment in found.values():
            record = change(experiment.record)
            if record != experiment.record:
                experiment, step = _written(project, experiment, record)
                steps.append(step)
                changed.append(experiment.name)
            edited.append(experiment)
        if steps:
            Transaction.begin(project, f"{verb} {' '.join(changed)}").move(*steps)
        return edited

    # Its run may just have ended, or somebody else may edit the same experiment.
    return retried(attempt, f"{' and '.join(names)} keep")


def _written(project: Project, experiment: Experiment, record: Record) -> tuple[Experiment, RefChange]:
    """The experiment with a new record on top of its present one, and the ref change still to be made."""
    step = project.store.on_top(experiment, record)
    assert step.new is not None  # it deletes nothing
    return experiment._replace(name=record.name, id=step.new, record=record), step
