"""The end of runs whose own process has died: stored by the next gitexp command."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from gitexp import errors
from gitexp.catalog.ended import end_lost_runs
from gitexp.failpoints import failpoint
from gitexp.model import Damaged, Experiment, readable
from gitexp.process.liveness import is_alive
from gitexp.project.hold import has_died, orphan
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.repo.live import RunState

OnFailure = Callable[[RunState, Exception], None]


def _ignore(run: RunState, error: Exception) -> None:
    pass


def finish_dead_runs(
    project: Project, *, awaited: Path | None = None, lost: bool = True, on_failure: OnFailure = _ignore
) -> list[Experiment]:
    """Store the end of every run whose process died unnoticed; the stored experiments.

    A run with a living command is left alone, and a run being finished by another process is left to it;
    only for a run in the worktree with the Git folder `awaited` that process is waited for. After a failure,
    like a full disk, `on_failure` is called, and the next command tries again. Without `lost`, runs known
    by their records alone are left to `end_lost_runs`.
    """
    ended: list[Experiment] = []
    if lost and not project.local.runs.is_dir():  # never used, or lost: only the records can tell
        ended += _end_lost(project)
    for run in live.live_runs(project.local):
        try:
            experiment = _finish_if_dead(project, run, awaited)
        except Exception as error:  # whatever one run has left, it stops no command
            on_failure(run, error)
            continue
        if experiment is not None:
            ended.append(experiment)
    live.sweep(project.local)
    return ended


def finish_lost_jobs(project: Project, names: Collection[str]) -> None:
    """Store the ends of runs whose jobs have ended, by what the engine says. Raises GitexpError.

    A process of this machine is believed before the engine. Of a process of another machine the run's lock
    can tell: whoever lives, or still stores the end, has it.
    """
    for run in live.live_runs(project.local):
        is_here = is_alive(run.process) is not None or orphan(run) is not None
        if run.name not in names or (is_here and not has_died(run)):
            continue
        with live.claim(run) as ours:
            if ours:
                _finish_dead(project, run)


def _end_lost(project: Project) -> list[Experiment]:
    """Store the end of the runs known by their records alone; the stored experiments."""
    before = project.store.all()
    after = end_lost_runs(project, before)
    changed = [new for old, new in zip(before, after, strict=True) if new is not old]
    with contextlib.suppress(errors.ReadOnlyRepository):
        project.local.prepare()
    return readable(changed)


def _finish_if_dead(project: Project, run: RunState, awaited: Path | None) -> Experiment | None:
    """The experiment of a dead run, stored; None if it lives, or if another process stores it."""
    if not has_died(run):
        return None
    wait = awaited is not None and run.git_dir == str(awaited)
    with live.claim(run, wait=wait) as ours:
        return _finish_dead(project, run) if ours else None


def _finish_dead(project: Project, run: RunState) -> Experiment | None:
    """Finish a run that this process has claimed; None if there is nothing left to do."""
    failpoint("recover:claimed")
    experiment = project.store.get(run.name) if run.name else None
    if isinstance(experiment, Damaged):
        return None  # written by a newer gitexp, perhaps
    if experiment is None or experiment.record.process != run.process:
        if experiment is None or is_alive(run.process) is False:  # else the folder may be another machine's
            run.forget()  # it died before its ref was there, or after its end was stored
        return None
    record = experiment.record
    if run.exit_code is None:
        live.note_lost(project.local, record)
        record = replace(record, warnings=(*record.warnings, "gitexp died while it ran: stored afterwards"))
    run.give_back_reserve()
    from gitexp.runs.end import finish  # storing results takes as many imports as a whole table

    return finish(project, run, experiment, record)
