"""Reproductions from Python: `gitexp.reproduce`."""

from __future__ import annotations

from gitexp.extras.reproduction import reproduce as verb
from gitexp.extras.reproduction.reproduce import Reproduced, ReproductionManner
from gitexp.project.project import Project


def reproduce(project: Project, name: str, *, here: bool = False, clone: bool = False) -> Reproduced:
    """Run an experiment again from nothing, compare both, and certify what came of it.

    With `here` the present interpreter is used, else an environment is built anew; with `clone` it runs in a
    fresh clone, with data from the data remote. Meanwhile the variables of
    this process that change numbers are those of the experiment. Raises ExperimentError if it cannot be
    reproduced, and the errors of `run_experiment`.
    """
    return verb.reproduce(project, name, ReproductionManner(here, clone))
