"""Promote an experiment: a branch that points at its exact code."""

from __future__ import annotations

from dataclasses import dataclass

from gitexp import errors
from gitexp.failpoints import failpoint
from gitexp.model import Experiment
from gitexp.ops.project import Project
from gitexp.repo.git import ZERO, RefConflict


@dataclass(frozen=True, slots=True)
class Promotion:
    """A branch's short name, and the experiment whose commit it points at."""

    branch: str
    experiment: Experiment


def branch(project: Project, experiment: str, name: str | None) -> Promotion:
    """Point a new branch at an experiment's commit; the workspace does not move.

    Without `name` it is called as the experiment. Raises UnknownExperiment, InvalidName,
    BranchExists, or ExperimentError while the experiment is still running.
    """
    found = project.store.require(experiment)
    if not found.record.status.ended:
        raise errors.ExperimentError(
            f"{found.name} is {found.record.status}: its results are not there yet.", "Wait for it to end."
        )
    name = name or found.name
    if name.startswith("-") or not project.repo.is_branch_name(name):
        raise errors.InvalidName(
            f"'{name}' cannot be the name of a branch.", "See git help check-ref-format for what can."
        )
    failpoint("branch:before-ref")
    try:
        project.repo.update_ref(
            f"refs/heads/{name}", found.record.commit, ZERO, f"branch: Created from {found.name}"
        )
    except RefConflict as error:
        raise errors.BranchExists(
            f"There is a branch '{name}' already.",
            f"Choose another name: gitexp branch {found.name} <branch>",
        ) from error
    except errors.GitFailed as error:
        if "cannot lock ref" in error.stderr:  # refs/heads/a is in the way of refs/heads/a/b
            raise errors.BranchExists(
                f"A branch '{name}' cannot be beside those that are there.", "Choose another name."
            ) from error
        raise
    return Promotion(name, found)
