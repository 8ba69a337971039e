"""Promote an experiment: make a branch at its exact code."""

from __future__ import annotations

import os
from dataclasses import dataclass

from gitexp import errors
from gitexp.catalog import lookup
from gitexp.failpoints import failpoint
from gitexp.history import switch, unfinished
from gitexp.history.takeover import Taken
from gitexp.model import Experiment
from gitexp.project.change import Transaction
from gitexp.project.project import Project
from gitexp.repo.git import trees
from gitexp.repo.git.values import RefChange

_RESERVED = ("HEAD", "@")  # legal as refs, but they mean something else to every Git command
_LONGEST = 250  # bytes of a file name, less `.lock`


@dataclass(frozen=True, slots=True)
class Promotion:
    """A branch at the commit of an experiment.

    Attributes:
        branch: its short name.
        clean: the workspace has no changes, so `git switch` has nothing to refuse.
        is_here: the experiment was made from the commit of HEAD.
    """

    branch: str
    experiment: Experiment
    clean: bool
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class Switched:
    """A branch with the workspace on it.

    Attributes:
        taken: the files changed on the way.
    """

    promotion: Promotion
    taken: Taken


def branch(project: Project, experiment: str, name: str | None) -> Promotion:
    """Make a branch at an experiment's commit; the workspace does not move.

    Without `name` the branch gets the name of the experiment. Raises UnknownExperiment, InvalidName,
    BranchExists, or StillRunning.
    """
    return _made(project, experiment, name, may_be_there=False)


def branch_and_switch(
    project: Project, experiment: str, name: str | None, *, force: bool = False
) -> Switched:
    """Make a branch at an experiment's commit, and go over to it.

    An existing branch at this commit serves, so the command goes on after a crash. Raises the
    errors of `branch`, and of `switch`, the latter before any change.
    """
    found = lookup.require(project, experiment)
    lookup.require_whole(project, found)
    finished = unfinished.finish(project)
    switch.require_possible(project, found, force=force)
    made = _made(project, experiment, name, may_be_there=True)
    taken = switch.switch(project, found, made.branch, force=force)
    return Switched(made, unfinished.joined(finished, taken))


def only_there(project: Project, made: Promotion) -> list[str]:
    """The files of a branch just gone to that the branch before has not: `git switch -` takes them away."""
    before, commit = project.repo.resolve("@{-1}"), made.experiment.record.commit
    if before is None:
        return []
    differing = trees.differing(project.repo, before, commit)
    known = set(trees.files_in(project.repo, before, differing))
    return [path for path in differing if path not in known]


def _made(project: Project, experiment: str, name: str | None, *, may_be_there: bool) -> Promotion:
    found = lookup.require(project, experiment)
    if not found.record.status.ended:
        raise errors.ExperimentError(
            f"{found.name} is {found.record.status}: its results are not there yet.",
            "Wait for it to end.",
            code="still-running",
        )
    lookup.require_whole(project, found)
    name = name or found.name
    _check(project, name)
    if may_be_there and project.repo.resolve(f"refs/heads/{name}") == found.record.commit:
        return Promotion(name, found, clean=False)
    _require_free(project, name, found.name)
    transaction = Transaction.begin(project, f"branch {found.name} {name}")
    failpoint("branch:before-ref")
    try:
        transaction.move(RefChange(f"refs/heads/{name}", None, found.record.commit))
    except errors.GitFailed:  # somebody else may have made it just now
        _require_free(project, name, found.name)
        raise
    is_here = found.record.baseline == project.repo.resolve("HEAD")
    return Promotion(name, found, not project.repo.run("status", "--porcelain"), is_here)


def _check(project: Project, name: str) -> None:
    """Raise InvalidName for a name refused or misread by `git branch`."""
    if name.startswith("refs/"):
        raise errors.InvalidName(
            f"'{_shown(name)}' cannot be the name of a branch.", "Give its short name, without refs/heads/."
        )
    too_long = any(len(os.fsencode(part)) > _LONGEST for part in name.split("/"))
    if name.startswith("-") or name in _RESERVED or too_long or not project.repo.is_branch_name(name):
        raise errors.InvalidName(
            f"'{_shown(name)}' cannot be the name of a branch.", "See git help check-ref-format for what can."
        )


def _require_free(project: Project, name: str, experiment: str) -> None:
    """Raise BranchExists if the branch exists, or another branch blocks the name."""
    ref = f"refs/heads/{name}"
    for (found,) in project.repo.refs("refs/heads/", fields=("refname",)):
        other = os.fsdecode(found)
        if other == ref:
            raise errors.GitexpError(
                f"There is a branch '{name}' already.",
                f"Choose another name: gitexp branch {experiment} NEW",
                code="branch-exists",
            )
        if other.startswith(f"{ref}/") or ref.startswith(f"{other}/"):  # Git's refs may be files in folders
            raise errors.GitexpError(
                f"A branch '{name}' cannot be beside '{other.removeprefix('refs/heads/')}'.",
                "Choose another name.",
                code="branch-exists",
            )


def _shown(name: str) -> str:
    if len(name) <= 70:
        return name
    return name[:67] + "…"
