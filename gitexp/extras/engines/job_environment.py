"""The environment of a job's command, built on its machine from a lock in the code of its run."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from gitexp import errors, plugins
from gitexp.model import Experiment
from gitexp.project.project import Project

MANAGERS = ("uv",)
_PATIENCE = 3600.0  # seconds for another job to build the same environment


def enter(project: Project, one: Experiment, manager: str) -> None:
    """Have the commands of this process find the environment of an experiment, built if need be.

    `manager`: the program for building; "" for none. Raises ExperimentError if the build fails.
    """
    if not manager:
        return
    for name, value in _variables(project, one, manager).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _variables(project: Project, one: Experiment, manager: str) -> Mapping[str, str | None]:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            found: Mapping[str, str | None] = plugins.load("environment", manager)(project, one)
        except errors.WorkspaceBusy:  # raised after half a minute
            if time.monotonic() > until:
                raise
        else:
            return found
