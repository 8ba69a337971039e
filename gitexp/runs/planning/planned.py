"""The queued experiment of a run that is planned: a new one, or an ended one with the same run once more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial

from gitexp.catalog import names
from gitexp.catalog.record import made_here
from gitexp.model import Experiment, Record, Status
from gitexp.project.change import Transaction
from gitexp.project.project import Project
from gitexp.repo import conversion_note
from gitexp.repo.experiments import New, automatic_names
from gitexp.repo.git.values import RefChange
from gitexp.runs.begin import planned_record
from gitexp.runs.code import commit_code
from gitexp.runs.ready import Ready
from gitexp.runs.request import RunRequest


def new_experiment(
    project: Project, request: RunRequest, ready: Ready, sweep: str, order: int, replicate: int
) -> New:
    """The queued experiment of a run, to be stored."""
    # Two runs with the same files have start snapshots of their own: by these they are told apart.
    message = f"{commit_code.START_MESSAGE}\n{ready.identity} {order}\n"
    commit = project.repo.write_commit(ready.tree, [ready.baseline], message)
    ready = ready._replace(commit=commit)
    record = made_here(planned_record(request, ready), project.repo)
    record = replace(record, status=Status.QUEUED, start=commit, order=order)
    record = replace(record, sweep=sweep, replicate=replicate)
    tree = ready.tree
    if note := conversion_note.write(project.repo, ready.converting):
        tree = project.store.record_tree(tree, note)
    template = request.name_template or project.config.name_template
    base = request.name
    if template and not base:
        base = names.filled(template, ready.params.files)
    return New(record, tree, partial(_free_name, base, commit))


def _free_name(base: str, commit: str, taken: Collection[str]) -> str:
    """The first free name: the base with a number, or one by the digits of the commit."""
    candidates = names.numbered(base, taken) if base else automatic_names(commit)
    return next(name for name in candidates if name.lower() not in taken)


def has_failed_in_queue(one: Experiment) -> bool:
    """Whether an experiment queued once has failed, or was interrupted."""
    return bool(one.record.start) and one.record.status.ended and one.record.status is not Status.DONE


def queued_anew(request: RunRequest, ready: Ready, before: Experiment, order: int) -> RefChange:
    """The change of an ended experiment into a queued one, of the same run.

    Its code and command are the user's own, and nothing to be run comes from its record, which may come from
    anybody. The record stays below the new one.
    """
    project = ready.code
    new = new_experiment(project, request, ready, "", order, 0)
    return project.store.replacing(before, with_earlier_facts(new.record, before.record), new.tree)


def with_earlier_facts(record: Record, old: Record) -> Record:
    """The record of a run that is planned anew, with the facts that stay from its ended record `old`.

    All other facts are those of the new plan. A test says for each field which it is.
    """
    return replace(
        record,
        name=old.name,
        note=record.note or old.note,
        tags=old.tags,
        replicate=old.replicate,
        sweep=old.sweep,
        trial=old.trial,
        loop=old.loop,
        limits=record.limits or old.limits,
    )


def put_back(project: Project, again: Mapping[str, RefChange]) -> None:
    """Carry out the changes of `queued_anew`, by name; undo takes them back together."""
    if again:
        summary = f"queue retry {', '.join(list(again)[:3])}"
        Transaction.begin(project, summary).move(*again.values())
