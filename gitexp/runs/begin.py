"""The beginning of a run: written down on this machine first, then as a ref that says `running`."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from gitexp.catalog import names
from gitexp.catalog.record import made_here
from gitexp.failpoints import failpoint
from gitexp.files.masked_arguments import masked_override
from gitexp.model import Experiment, Record, Status
from gitexp.process.interrupts import Window, held_back
from gitexp.process.liveness import current_process, namespace
from gitexp.project.project import Project
from gitexp.repo import conversion_note, live
from gitexp.repo.git import snapshot
from gitexp.repo.live import RunState
from gitexp.repo.scope import Scope
from gitexp.runs.ready import Ready
from gitexp.runs.request import RunRequest


class LiveRun(NamedTuple):
    """A run in progress on this machine.

    Attributes:
        project: the place of the experiment.
        request: the user's request.
        ready: the checked and stored start.
        state: the state of the run on this machine's disk.
        experiment: the running experiment.
        let_through: the block in which Ctrl-C may come; outside of the block Ctrl-C waits.
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


def begin(project: Project, request: RunRequest, ready: Ready, held: contextlib.ExitStack) -> LiveRun:
    """Write the run down: first on this disk, then in a ref.

    In this order, because a later command can repair either half alone. From here on, until the stack
    closes, Ctrl-C waits and the run's folder is locked. Raises NameTaken or StorageError.
    """
    folder = held.enter_context(live.new_folder(project.local))
    let_through = held.enter_context(held_back())
    root = ready.workspace.root
    state = RunState(
        folder=folder,
        process=current_process(),
        root=str(root),
        git_dir=str(ready.workspace.git_dir),
        baseline=ready.baseline,
        tree=ready.tree,
        scope=ready.scope,
        stamps=live.stamp(root, _may_be_written(root, ready.scope)),
        started=time.time(),
        seen_from=namespace(),
    )
    state.save()
    failpoint("run:live")
    record = made_here(_record(request, ready, state), project.repo)
    tree = ready.tree
    if note := conversion_note.write(project.repo, ready.converting):
        tree = project.store.record_tree(tree, note)

    def build(name: str) -> tuple[Record, str]:
        nonlocal state
        state = state.updated(name=name)  # before the ref is there, so that whoever finds one finds the other
        return replace(record, name=name), tree

    try:
        experiment = names.create(ready.names, lambda name: project.store.create(name, ready.commit, build))
    except BaseException:
        state.forget()
        raise
    failpoint("run:created")
    return LiveRun(project, request, ready, state, experiment, let_through)


def _may_be_written(root: Path, scope: Scope) -> list[str]:
    """The present files that the run may write."""
    paths = (*scope.results, *scope.aside, *scope.watched, *scope.pointers)
    return [*snapshot.files_below(root, paths), *scope.params]


def _record(request: RunRequest, ready: Ready, state: RunState) -> Record:
    stored = ready.stored_command
    return Record(
        name=request.name,
        status=Status.RUNNING,
        commit=ready.commit,
        baseline=ready.baseline,
        branch=ready.branch,
        command=stored.text,
        argv=stored.argv,
        folder=ready.folder,
        project=ready.code.config.folder,
        identity=ready.identity,
        overrides=tuple(map(masked_override, request.overrides)),
        params=ready.params.files,
        patterns=ready.code.config.metrics_from_output,
        note=request.note,
        warnings=(*ready.warnings, *stored.warnings),
        process=state.process,
    )
