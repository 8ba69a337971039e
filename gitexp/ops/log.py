"""What an experiment's command printed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from gitexp import errors
from gitexp.ops import dvc, lookup
from gitexp.ops.finish import MAX_LOG
from gitexp.ops.project import Project
from gitexp.repo import live
from gitexp.run.log import read_log


@dataclass(frozen=True, slots=True)
class Log:
    """An experiment's name, and what its command wrote to the terminal."""

    name: str
    output: bytes


def log(project: Project, name: str) -> Log:
    """Return the output of an experiment, of a running one so far.

    Raises UnknownExperiment; ExperimentError if there is none, because nothing was run, or DVC ran it.
    """
    experiment = lookup.require(project, name)
    if experiment.source == dvc.SOURCE:
        raise errors.ExperimentError(
            f"{experiment.name} is DVC's, which does not store what a command prints.",
            f"gitexp diff {experiment.name} shows what it holds.",
        )
    if not experiment.record.status.ended:
        for run in live.live_runs(project.local):
            if run.name == experiment.name:
                with contextlib.suppress(FileNotFoundError):
                    return Log(experiment.name, read_log(run.log, MAX_LOG))
        # It may have ended since its record was read; its log is stored before the live one goes.
        experiment = project.store.require(experiment.name)
    found = project.store.run_file(experiment, "output.log")
    if found is None:
        raise errors.ExperimentError(
            f"{experiment.name} has no output: it was saved without being run."
            if experiment.record.command is None
            else f"{experiment.name} has no output here.",
            f"gitexp diff {experiment.name} shows what it holds.",
        )
    return Log(experiment.name, found)
