"""Reproductions from Python: `gitexp.reproduce`."""

from __future__ import annotations

from gitexp.extras.reproduction import reproduce as verb
from gitexp.extras.reproduction.reproduce import Reproduced, ReproductionManner
from gitexp.project.project import Project


def reproduce(project: Project, name: str, *, here: bool = False, clone: bool = False) -> Reproduced:
    """The reproduction of an experiment: run again from nothing, compared and certified.

    `here`: use the present interpreter, and build no environment. `clone`: run in a fresh clone, with data
    from the data remote. During the run, variables of this process that change numbers have the
    experiment's values. Raises ExperimentError for an experiment that cannot be reproduced, and the errors
    of `run_experiment`.
    """
    return verb.reproduce(project, name, ReproductionManner(here, clone))
