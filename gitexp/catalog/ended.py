"""The end of an experiment in Git: its commit on the baseline, and its ref moved there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeGuard

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record, Status, Stored
from gitexp.process.liveness import is_alive, is_of_this_start
from gitexp.project.project import Project
from gitexp.repo import conversion_note, live
from gitexp.repo.experiments import subject
from gitexp.times import now


def ended_record(record: Record, status: Status) -> Record:
    return replace(record, status=status, finished=now(), process=None, waits_at="")


def store_ended(
    project: Project, experiment: Experiment, record: Record, tree: str, run_files: Mapping[str, str]
) -> Experiment:
    """Commit the tree of an ended experiment on its baseline, and move its ref to the commit."""
    with project.repo.writing_together():
        message = subject(record) + "\n"
        try:
            commit = project.repo.write_commit(tree, [record.baseline], message, sign=project.store.sign)
        except errors.SigningFailed:  # the record says it
            commit = project.repo.write_commit(tree, [record.baseline], message)
        failpoint("finish:commit")
        record_tree = project.store.record_tree(tree, run_files)
        return project.store.advance(experiment, replace(record, commit=commit), record_tree)


def end_lost_runs(project: Project, experiments: Iterable[Stored]) -> list[Stored]:
    """The experiments, after the end of every lost run was stored.

    The process of a lost run is dead, and `.git/gitexp` no longer knows the run: only its record says
    "running". Without lost runs, the call costs nothing beside reading the experiments.
    """
    found = list(experiments)
    if not any(_is_dead(one, project) for one in found):
        return found
    try:
        with project.local.lock("lost-runs"):
            known = {run.name for run in live.live_runs(project.local)}
            for at, one in enumerate(found):
                if one.name not in known:
                    found[at] = _end_lost(project, one)
    except (errors.GitexpError, OSError):  # a repository that can only be read
        pass
    return found


def _is_dead(one: Stored, project: Project) -> TypeGuard[Experiment]:
    if not isinstance(one, Experiment):
        return False
    process = one.record.process
    if process is None or one.record.status.ended or is_alive(process) is not False:
        return False
    # On a disk of many machines another one may have this machine's name, and what it has just written
    # beside the record may not be seen here yet.
    return is_of_this_start(process) or not project.local.is_shared


def _end_lost(project: Project, one: Stored) -> Stored:
    if not _is_dead(one, project):
        return one
    # Another process may have finished the run after `one` was read: read it again.
    current = project.store.get(one.name)
    if current is None:
        return one
    if not _is_dead(current, project):
        return current
    record = current.record
    live.note_lost(project.local, record)
    failpoint("recover:lost")
    lost = "what it printed and wrote is lost: its process died, and .git/gitexp was removed"
    record = replace(record, warnings=(*record.warnings, lost))
    tree = project.repo.resolve(record.commit, "tree")
    assert tree is not None
    note = conversion_note.write(project.repo, conversion_note.read(project.store, current))
    return store_ended(project, current, ended_record(record, Status.INTERRUPTED), tree, note)
