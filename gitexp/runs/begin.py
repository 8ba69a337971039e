"""The beginning of a run: written down on this machine first, then as a ref that says `running`."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from gitexp import errors
from gitexp.catalog import names
from gitexp.catalog.record import made_here
from gitexp.failpoints import failpoint
from gitexp.files.command_words.masked_arguments import masked_override
from gitexp.model import Experiment, Record, Status
from gitexp.named_tuple import NamedTuple
from gitexp.process.interrupts import Window, held_back
from gitexp.process.liveness import current_process, namespace
from gitexp.process.variables import NAME
from gitexp.project.project import Project
from gitexp.repo import conversion_note, live
from gitexp.repo.experiments import Allowed, Builder, Store
from gitexp.repo.git.disk_files import files_below
from gitexp.repo.git.locking import locks
from gitexp.repo.git.repository import Repository
from gitexp.repo.live import RunState
from gitexp.repo.scope import Scope
from gitexp.runs.collecting.unstorable import note_unreached, note_unreadable
from gitexp.runs.ready import Ready
from gitexp.runs.request import RunRequest
from gitexp.runs.resuming import resume
from gitexp.runs.trust.start import at_start
from gitexp.words import shorten


class LiveRun(NamedTuple):
    """A run in progress on this machine.

    Attributes:
        project: the place of the experiment.
        request: the user's request.
        ready: the checked and stored start.
        state: the state of the run on this machine's disk.
        experiment: the running experiment.
        let_through: the block where Ctrl-C may come; outside of the block Ctrl-C waits.
    """

    project: Project
    request: RunRequest
    ready: Ready
    state: RunState
    experiment: Experiment
    let_through: Window

    @property
    def is_isolated(self) -> bool:
        return self.ready.workspace.root != self.project.repo.root


class Claim(NamedTuple):
    """The right of a worker to run a queued experiment.

    Attributes:
        queued: the experiment.
        worker: the name of the worker.
        engine: the name of the engine of the worker's job; "" for none.
        job: the id of that job.
        taken_at: the Git remote with the queue of the experiment; "" for the queue here.
        allowed: for a queue elsewhere: called with the record commit of the running experiment before a ref
            moves here; the claim is lost if the answer is no.
    """

    queued: Experiment
    worker: str
    taken_at: str = ""
    allowed: Allowed | None = None
    engine: str = ""
    job: str = ""


def begin(
    project: Project,
    request: RunRequest,
    ready: Ready,
    held: contextlib.ExitStack,
    claim: Claim | None = None,
) -> LiveRun:
    """Write the run down: first on this disk, then in a ref.

    In this order, because a later command can repair either half alone. From here on, until the stack
    closes, Ctrl-C waits and the run's folder is locked. Raises NameTaken or StorageError; with a claim,
    AlreadyTaken if the experiment is not queued any more.
    """
    folder = held.enter_context(live.new_folder(project.local))
    let_through = held.enter_context(held_back())
    root = ready.workspace.root
    unstorable: dict[str, list[str]] = {}
    results = files_below(root, ready.scope.results, partial(note_unreached, unstorable, root))
    note_unreadable(unstorable, root, results)
    state = RunState(
        folder=folder,
        process=current_process(),
        root=str(root),
        git_dir=str(ready.workspace.git_dir),
        baseline=ready.baseline,
        tree=ready.tree,
        scope=ready.scope,
        stamps=live.stamp(root, [*results, *_may_be_written(root, ready.scope)]),
        started=time.time(),
        seen_from=namespace(),
        lock_tells=locks.are_files(folder / "lock"),
    )
    state.save()
    failpoint("run:live")
    if ready.resumed is not None:
        with _forgotten_after_an_error(state):
            ready = ready._replace(resumed=resume.bring_series(project, state, ready.resumed))
    with _forgotten_after_an_error(state):
        record = planned_record(request, ready, None if claim is None else claim.queued.record)
    record = _of_same_point(record, ready)
    warnings = list(record.warnings)
    for why, paths in unstorable.items():
        warnings.append(f"cannot be stored as it stands, {why}: {shorten(paths)}")
    record = replace(record, status=Status.RUNNING, process=state.process, warnings=tuple(warnings))
    record = made_here(record, project.repo)
    tree = ready.tree
    if note := conversion_note.write(project.repo, ready.converting):
        tree = project.store.record_tree(tree, note)

    def build(name: str) -> tuple[Record, str]:
        nonlocal state
        state = state.updated(name=name)  # before the ref is there, so that whoever finds one finds the other
        return replace(record, name=name), tree

    with _forgotten_after_an_error(state):
        if claim is not None:
            experiment = _taken_over(project, claim, build)
        else:
            experiment = names.create(
                ready.names, lambda name: project.store.create(name, ready.commit, build)
            )
    failpoint("run:created")
    return LiveRun(project, request, ready, state, experiment, let_through)


@contextlib.contextmanager
def _forgotten_after_an_error(state: RunState) -> Iterator[None]:
    """Forget the state of a run that cannot begin."""
    try:
        yield
    except BaseException:
        state.forget()
        raise


def _taken_over(project: Project, claim: Claim, build: Builder) -> Experiment:
    """The queued experiment, now running. Raises AlreadyTaken if another worker was first."""
    queued = claim.queued
    record, tree = build(queued.name)
    record = with_queued_facts(record, claim)
    if claim.allowed is None:
        running = project.store.swap(queued, record, tree)
    else:
        running = project.store.take_over(queued, record, tree, claim.allowed)
    if running is None:
        raise errors.AlreadyTaken(f"{queued.name} is not queued any more: somebody else was quicker.")
    return running


def with_queued_facts(record: Record, claim: Claim) -> Record:
    """The record of a run that a worker begins, with the facts that only the queued record has.

    All other facts are those of `record`: the worker finds them anew. A test says for each field which it is.
    """
    old = claim.queued.record
    return replace(
        record,
        overrides=old.overrides,
        note=old.note,
        tags=old.tags,
        warnings=tuple(dict.fromkeys((*old.warnings, *record.warnings))),
        replicate=old.replicate,
        sweep=old.sweep,
        parent=old.parent,
        trial=old.trial,
        loop=old.loop,
        start=old.start,
        order=old.order,
        tries=old.tries,
        extra=old.extra,
        worker=claim.worker,
        engine=claim.engine,
        job=claim.job,
        waits_at=claim.taken_at,
    )


def _may_be_written(root: Path, scope: Scope) -> list[str]:
    """The present files that the run may write, beside those at the paths of results."""
    paths = (*scope.aside, *scope.watched, *scope.pointers)
    return [*files_below(root, paths), *scope.params]


def planned_record(request: RunRequest, ready: Ready, queued: Record | None = None) -> Record:
    """The record of a run before its begin; `queued` is the record in the queue, for a run from the queue.

    Raises the errors of `trust.start.at_start`.
    """
    stored = ready.stored_command
    record = Record(
        name=request.name,
        status=Status.QUEUED,
        commit=ready.commit,
        baseline=ready.baseline,
        branch=ready.branch,
        command=stored.text,
        argv=stored.argv,
        folder=ready.folder,
        project=ready.code.config.folder,
        identity=ready.identity,
        group=ready.group,
        overrides=tuple(map(masked_override, request.overrides)),
        params=ready.params.files,
        patterns=ready.code.config.metrics_from_output,
        note=request.note,
        warnings=(*ready.warnings, *stored.warnings),
        limits=request.limits.as_json(),
        parent=outer_run(ready.workspace) if request.parent is None else request.parent,
        resumed_from={} if ready.resumed is None else ready.resumed.as_json(),
        checkpoints=() if ready.resumed is None else ready.resumed.checkpoints,
        reproduces=request.reproduces,
        loop=request.loop,
    )
    against = request.against or ready.against or ready.baseline
    return at_start(record, ready.code, ready.tree, against, queued)


def _of_same_point(record: Record, ready: Ready) -> Record:
    """The record of a run that goes on from another run, in the same place of a sweep."""
    if ready.resumed is None or ready.resumed.same_run is None:
        return record
    old = ready.resumed.same_run
    return replace(record, sweep=old.sweep, trial=old.trial, replicate=old.replicate)


def outer_run(repo: Repository) -> str:
    """The name of the running experiment whose command has begun this process; "" for none."""
    name = os.environ.get(NAME, "")
    if not name:
        return ""
    outer = Store(repo).get(name)
    if isinstance(outer, Experiment) and outer.record.status is Status.RUNNING:
        return name
    return ""  # of another repository, or left over from an earlier run
