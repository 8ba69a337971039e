"""The end of a run from another terminal: what Ctrl-C is in its own."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence

from gitexp import errors, nofollow, plugins
from gitexp.catalog import lookup
from gitexp.model import Experiment, ProcessId, Status
from gitexp.process.limits import GRACE
from gitexp.process.liveness import is_alive
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.runs.ongoing.recover import finish_dead_runs

_INTERVAL = 0.1  # seconds between two looks at the experiment
_SIGKILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_PATIENCE = 60.0  # seconds that a command has to end


def stop(project: Project, name: str, patience: float = _PATIENCE) -> Experiment:
    """The experiment of a live run, after its end; results so far are stored.

    A job of an engine is ended by its engine, wherever it runs. Raises NotRunning for an ended run, or
    another run of another machine, StillRunning if the command goes on nevertheless, EngineAway, and the
    errors of `lookup.require_own`.
    """
    experiment = lookup.require_own(project, name)
    _require_running(experiment)
    orphans = _orphans(project, experiment)
    process, record = experiment.record.process, experiment.record
    is_here = process is not None and is_alive(process)
    if not orphans and not is_here and record.engine and record.job:
        if not project.dry_run:
            plugins.load("dispatch", "cancel")(project, record.engine, record.job)
            experiment = _wait(project, experiment, (), patience)
        return experiment
    if not orphans and not is_here:
        raise errors.ExperimentError(
            f"The process of {experiment.name} is not to be seen on this machine.",
            f"It runs on {experiment.record.host or 'another one'}: stop it there.",
            code="not-running",
        )
    if project.dry_run:
        return experiment
    if orphans:
        _send(orphans, signal.SIGTERM)
    elif process is not None:
        _tell_worker(project, experiment.record.worker)
        os.kill(process.pid, signal.SIGTERM)  # gitexp passes it on to the command
    return _wait(project, experiment, orphans, patience)


def _require_running(experiment: Experiment) -> None:
    """Raise NotRunning for a queued or an ended experiment."""
    status = experiment.record.status
    if status.ended:
        raise errors.ExperimentError(f"{experiment.name} is over: it is {status}.", code="not-running")
    if status is Status.QUEUED:
        raise errors.ExperimentError(
            f"{experiment.name} is queued: it does not run yet.",
            f"Take it out of the queue: gitexp queue remove {experiment.name}",
            code="not-running",
        )


def _wait(
    project: Project, experiment: Experiment, orphans: Sequence[ProcessId], patience: float
) -> Experiment:
    """The experiment after its end; raises StillRunning. After some time orphans are killed."""
    begun = time.monotonic()
    while not experiment.record.status.ended:
        passed = time.monotonic() - begun
        if passed > GRACE:
            _send(orphans, _SIGKILL)
        if passed > patience:
            raise errors.ExperimentError(
                f"{experiment.name} goes on: its command does not end at SIGTERM.",
                "Wait for it, or kill the command itself.",
                code="still-running",
            )
        time.sleep(_INTERVAL)
        finish_dead_runs(project)
        experiment = lookup.require_own(project, experiment.name)
    return experiment


def _orphans(project: Project, experiment: Experiment) -> list[ProcessId]:
    """The commands of a run with a dead process of its own. They count from now on among the stopped."""
    found = list[ProcessId]()
    for run in live.live_runs(project.local):
        if run.name == experiment.name and is_alive(run.process) is False:
            commands = (*run.others, run.child)
            found += [child for child in commands if child is not None and is_alive(child)]
            if found and not project.dry_run:
                # With an exit code: without one a run of the queue counts as lost, and goes back there.
                run.updated(interrupted=True, exit_code=128 + signal.SIGTERM)
    return found


def _send(processes: Sequence[ProcessId], signum: int) -> None:
    """Send a signal to some commands, and to the group of each that leads one."""
    for process in processes:
        with contextlib.suppress(OSError):
            if is_alive(process):
                leads = sys.platform != "win32" and os.getpgid(process.pid) == process.pid
                os.kill(-process.pid if leads else process.pid, signum)


def _tell_worker(project: Project, worker: str) -> None:
    """Have the run's worker, if any, go on with the next run."""
    local = project.local
    is_name = worker not in ("", ".", "..") and "/" not in worker and "\0" not in worker
    if is_name:  # the record may be a stranger's
        inner = f"{local.workers.name}/{worker}"
        with contextlib.suppress(OSError), nofollow.opened(local.root, inner) as folder:
            folder.mark(live.ONE_RUN)
