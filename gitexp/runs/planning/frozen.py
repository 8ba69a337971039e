"""The code of many runs that are planned one after the other, as it was at the first of them.

A search knows its next run only when earlier ones have ended. Meanwhile the user goes on editing. So the
code stands in an isolated workspace of its own, and each run is checked and planned there.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gitexp.failpoints import failpoint
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.repo import worktrees
from gitexp.repo.git import conversions
from gitexp.repo.git.conversions import Conversions
from gitexp.repo.git.values import RefChange
from gitexp.runs.checks import work
from gitexp.runs.code import commit_code
from gitexp.runs.planning import planned, shared_code
from gitexp.runs.planning.plan import PlannedPoint
from gitexp.runs.planning.shared_code import SharedCode
from gitexp.runs.ready import Ready
from gitexp.runs.request import RunRequest


class NewTrial(NamedTuple):
    """A run to be planned.

    Attributes:
        request: the user's request, with the run's own overrides.
        ready: the run, checked, with its identity.
        replicate: the number of the run among the runs of a point; 0 for a run alone.
    """

    request: RunRequest
    ready: Ready
    replicate: int


class FrozenCode(NamedTuple):
    """The code of some runs.

    Attributes:
        code: the code; its project lies in the isolated workspace.
        request: what all runs have in common.
    """

    code: SharedCode
    request: RunRequest

    def checked(self, points: Sequence[PlannedPoint]) -> list[NewTrial]:
        """A run for each point, checked, with its identity; nothing is stored but unreferenced objects.

        Raises the errors of `gitexp.runs.run.run` from before the start of the command.
        """
        project = self.code.project
        requests, checks = [], []
        for point in points:
            own = self.request._replace(overrides=(*self.request.overrides, *point.overrides))
            requests.append(own)
            checks.append(shared_code.checked_point(project, own))
        found = shared_code.readies(self.code, checks)
        trials = []
        for own, ready, point in zip(requests, found, points, strict=True):
            trials.append(NewTrial(own, ready, point.replicate))
        return trials

    def store(self, trials: Sequence[NewTrial], sweep: str, facts: Mapping[str, Any]) -> list[Experiment]:
        """The queued experiments of some runs, stored together; `facts` are for `trial` in their records."""
        store, order = self.code.project.store, time.time_ns() // 1000
        project = self.code.project._replace(repo=store.repo)  # one repository, so that all is one pack
        new = []
        with store.repo.writing_together():
            for number, trial in enumerate(trials):
                one = planned.new_experiment(
                    *(project, trial.request, trial.ready, sweep, order + number, trial.replicate)
                )
                new.append(one._replace(record=replace(one.record, trial=facts)))
            failpoint("plan:stored")
            return store.create_together(new)

    def queued_anew(self, trials: Sequence[tuple[NewTrial, Experiment]]) -> dict[str, RefChange]:
        """The changes of ended experiments to queued ones of the same runs, by name: for `put_back`."""
        order, found = time.time_ns() // 1000, {}
        with self.code.project.repo.writing_together():
            for number, (trial, before) in enumerate(trials):
                change = planned.queued_anew(trial.request, trial.ready, before, order + number)
                found[before.name] = change
        return found


def as_it_is(project: Project, request: RunRequest, first: PlannedPoint) -> FrozenCode:
    """The code of the workspace, checked with the overrides of a `first` run; the user may change it.

    Raises the errors of `gitexp.runs.run.run` from before the start of the command.
    """
    project = commit_code.with_patterns(project, request, None)
    own = request._replace(overrides=(*request.overrides, *first.overrides))
    checked = work.check(project, own, None, project.repo.root)
    return FrozenCode(shared_code.code_of(project, checked, request.on_new_files), request)


def freeze(
    project: Project, request: RunRequest, first: PlannedPoint, held: contextlib.ExitStack
) -> FrozenCode:
    """The same code, in an isolated workspace until the stack is closed."""
    repo = project.repo
    project.local.prepare()
    code = as_it_is(project, request, first).code
    commit = repo.write_commit(code.taken.tree, [code.head.commit], commit_code.START_MESSAGE)
    converting = Conversions(conversions.settings_of(repo), code.taken.exact)
    worktree = held.enter_context(worktrees.checkout(repo, commit, converting))
    worktrees.take_along(repo, worktree, code.taken.lossy)
    worktrees.share(repo, worktree, commit, project.config.share)
    commit_code.bring_dvc_data(repo, worktree)
    there = commit_code.in_worktree(project, worktree, None, repeated=False)
    there = commit_code.with_patterns(there, request, None)
    return FrozenCode(code._replace(project=there), request)
