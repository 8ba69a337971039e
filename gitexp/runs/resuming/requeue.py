"""An ended run of the queue, queued again: from the start, or from the last checkpoint that is stored.

Whoever knows that a run was lost or preempted calls `requeue`: workers, the queue of a Git remote, engines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Record, Status
from gitexp.objects.paths import lies_in_any
from gitexp.pipeline.lock import read_lock, write_lock
from gitexp.pipeline.paths import lock_path
from gitexp.project.project import Project
from gitexp.repo import conversion_note
from gitexp.repo.git import trees
from gitexp.repo.git.checkout import files_of
from gitexp.repo.git.conversions import Conversions

_MESSAGE = "Start of an experiment that goes on\n"


def is_lost(experiment: Experiment) -> bool:
    """Whether the worker of a queued run has died in its middle."""
    record = experiment.record
    return bool(record.start) and record.status is Status.INTERRUPTED and record.exit_code is None


def requeue(project: Project, ended: Experiment, *, resume: bool | None = None) -> Experiment | None:
    """The ended run, queued again; None if somebody else has changed the experiment meanwhile.

    The run has the code and params of its first try. With `resume`, by default the project's `resume:`, it
    goes on from its last checkpoint, if it has stored one. Raises ExperimentError (not-queued) for a run that
    was never queued, or has not ended, and BadRecord.
    """
    if not can_go_back(ended):
        raise never_queued(ended)
    record, tree = queued_again(project, ended, resume=resume)
    failpoint("requeue:stored")
    return project.store.swap(ended, record, tree)


def can_go_back(experiment: Experiment) -> bool:
    """Whether an experiment has ended and was queued once."""
    return bool(experiment.record.start) and experiment.record.status.ended


def never_queued(one: Experiment) -> errors.ExperimentError:
    """The error for an experiment that cannot go back to the queue."""
    return errors.ExperimentError(
        f"{one.name} was not run by a worker, or has not ended: it cannot go back to the queue.",
        f"Run its code again when it has ended: gitexp run --from {one.name}",
        code="not-queued",
    )


def queued_again(project: Project, one: Experiment, *, resume: bool | None = None) -> tuple[Record, str]:
    """The record and the tree of a run in the queue again. `resume` as for `requeue`."""
    if resume is None:
        resume = project.config.resume
    before = _as_queued(project, one)
    kept = replace(before.record, note=one.record.note, tags=one.record.tags)
    kept = replace(kept, tries=one.record.tries + is_lost(one))
    if resume and one.record.checkpoints:
        return _going_on(project, one, before, kept)
    tree = project.repo.resolve(before.id, "tree")
    assert tree is not None  # its commit has just been read
    if not kept.resumed_from:
        return kept, tree
    start = project.repo.resolve(kept.start, "tree")
    if start is None:
        raise _without_start(one)
    kept = replace(kept, commit=kept.start, resumed_from={}, checkpoints=())
    return kept, _record_tree(project, start, conversion_note.read(project.store, before))


def _going_on(project: Project, one: Experiment, before: Experiment, record: Record) -> tuple[Record, str]:
    """The record and the tree of a queued run that begins with the checkpoints of a try.

    `before` is the run as it was queued for that try, and `record` its record now. A try that has come to
    another checkpoint is no failed one: it does not count among `tries`.
    """
    repo = project.repo
    start = repo.resolve(before.record.commit, "tree")
    if start is None:
        raise _without_start(one)
    paths = one.record.checkpoints
    tree = _with_checkpoints(project, start, one.record)
    of_start, of_try = conversion_note.read(project.store, before), conversion_note.read(project.store, one)
    exact = [path for path in of_start.exact if not lies_in_any(path, paths)]
    exact += [path for path in of_try.exact if lies_in_any(path, paths)]
    commit = before.record.commit
    if tree != start:
        record = replace(record, tries=0)
        commit = repo.write_commit(tree, [record.baseline], f"{_MESSAGE}\n{one.id}\n")
    record = replace(record, commit=commit, resumed_from=resumed_from(one), checkpoints=paths)
    return record, _record_tree(project, tree, Conversions(of_start.settings, tuple(exact)))


def resumed_from(one: Experiment) -> dict[str, Any]:
    """What a run goes on from, for its record: an experiment, or if that has logged nothing, what it went on
    from itself."""
    if not one.record.series and one.record.resumed_from:
        return dict(one.record.resumed_from)
    return {"experiment": one.name, "commit": one.record.commit, "record": one.id}


def _with_checkpoints(project: Project, start: str, record: Record) -> str:
    """The tree of a start with the checkpoints of an experiment; those of the start go."""
    repo, paths = project.repo, record.checkpoints
    changes: dict[str, trees.Change] = {}
    for path in trees.files_in(repo, start, paths):
        changes[path] = None
    for path, (mode, oid) in files_of(repo, record.commit).items():
        if lies_in_any(path, paths) and mode != "160000":
            changes[path] = (mode, oid)
    name = lock_path(record.project or "")
    old, new = repo.read_blobs([f"{start}:{name}", f"{record.commit}:{name}"])
    lock = _lock_with(name, record.project or "", old or b"", new or b"", paths)
    if lock != (old or b""):
        changes[name] = ("100644", repo.write_blob(lock))
    return trees.changed(repo, start, changes)


def _lock_with(name: str, folder: str, start: bytes, ended: bytes, paths: Sequence[str]) -> bytes:
    """The text of a start's lock with those large results of an experiment that are its checkpoints."""
    lock, of_try = read_lock(name, start, folder), read_lock(name, ended, folder)
    outs = [out for path, out in lock.outs.items() if not lies_in_any(path, paths)]
    outs += [out for path, out in of_try.outs.items() if lies_in_any(path, paths)]
    after = lock.with_outs(outs)
    return start if after == lock else write_lock(after, folder)


def _without_start(one: Experiment) -> errors.BadRecord:
    return errors.BadRecord(f"The start of {one.name} is not there.", "gitexp doctor says what can be done.")


def _record_tree(project: Project, tree: str, converting: Conversions) -> str:
    return project.store.record_tree(tree, conversion_note.write(project.repo, converting))


def _as_queued(project: Project, experiment: Experiment) -> Experiment:
    """The experiment in its last queued state, found along the second parents of its records."""
    commit = experiment.id
    while True:
        (found,) = project.store.read_commits({experiment.name: commit})
        one = found.experiment
        if isinstance(one, Experiment) and one.record.status is Status.QUEUED:
            return one
        above = found.parents[1:] or found.parents  # a note or a tag is a record with one parent
        if not isinstance(one, Experiment) or not above:
            raise errors.BadRecord(
                f"The records of {experiment.name} do not say how it was queued.",
                "gitexp doctor says what can be done.",
            )
        commit = above[-1]
