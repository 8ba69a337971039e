"""The end of a run from another terminal: what Ctrl-C is in its own."""

from __future__ import annotations

import os
import signal
import time

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.model import Experiment
from gitexp.process.liveness import is_alive
from gitexp.project.project import Project
from gitexp.runs.recover import finish_dead_runs

_INTERVAL = 0.1  # seconds between two looks at the experiment
_PATIENCE = 60.0  # seconds that a command has to end


def stop(project: Project, name: str, patience: float = _PATIENCE) -> Experiment:
    """The experiment of a live run, after its end; results so far are stored.

    Raises NotRunning for an ended run, or a run of another machine, StillRunning if the command goes
    on nevertheless, and the errors of `lookup.require_own`.
    """
    experiment = lookup.require_own(project, name)
    record = experiment.record
    if record.status.ended:
        raise errors.ExperimentError(f"{experiment.name} is over: it is {record.status}.", code="not-running")
    if record.process is None or not is_alive(record.process):
        raise errors.ExperimentError(
            f"The process of {experiment.name} is not to be seen on this machine.",
            f"It runs on {record.host or 'another one'}: stop it there.",
            code="not-running",
        )
    os.kill(record.process.pid, signal.SIGTERM)  # gitexp passes it on to the command
    until = time.monotonic() + patience
    while not experiment.record.status.ended:
        if time.monotonic() > until:
            raise errors.ExperimentError(
                f"{experiment.name} goes on: its command does not end at SIGTERM.",
                "Wait for it, or kill the command itself.",
                code="still-running",
            )
        time.sleep(_INTERVAL)
        finish_dead_runs(project)
        experiment = lookup.require_own(project, experiment.name)
    return experiment
