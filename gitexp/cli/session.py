"""What every command does first: open the project, and end the runs that died unnoticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitexp.ops.project import Project


def open_project(*, reads_all: bool = False) -> Project:
    """Return the project around the current folder; says so if a dead run was found and stored.

    `reads_all`: the command reads every record, and sees to runs that only these know of.
    """
    from gitexp.cli import render
    from gitexp.ops.finish import finish_dead_runs
    from gitexp.ops.project import Project

    project = Project.open()
    for experiment in finish_dead_runs(project, lost=not reads_all):
        state = experiment.record.status
        render.say(f"{experiment.name} was running when gitexp died; it is stored now, as {state}.")
    return project
