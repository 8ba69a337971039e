"""Runs for later: each is checked and stored as a queued experiment, and nothing begins.

All runs planned together have the same code, stored once. They differ in the values of their params.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from gitexp import errors
from gitexp.catalog.record import branch_of
from gitexp.failpoints import failpoint
from gitexp.model import Artifact, Experiment, Status, paths_of
from gitexp.objects.paths import lies_in_any
from gitexp.process.programs import simple_commands
from gitexp.project import first_time
from gitexp.project.project import Project
from gitexp.repo import worktrees
from gitexp.repo.experiments import New
from gitexp.repo.git import conversions, plain_files, snapshot
from gitexp.repo.git.conversions import Conversions
from gitexp.repo.git.snapshot import Snapshot
from gitexp.repo.git.trees import files_in
from gitexp.repo.git.values import Head, RefChange
from gitexp.runs import commit_code, earlier, inputs, prepare, work
from gitexp.runs.begin import outer_run
from gitexp.runs.planned import has_failed_in_queue, new_experiment, put_back, queued_anew
from gitexp.runs.ready import PlainCommand, Ready
from gitexp.runs.request import RunRequest
from gitexp.runs.work import Checked

_BEST_FIRST = (Status.DONE, Status.RUNNING, Status.QUEUED, Status.INTERRUPTED, Status.FAILED)

_GOOD = (Status.DONE, Status.RUNNING, Status.QUEUED)

_Key = tuple[str, int]  # the identity of a point, and its number among points with the same identity
OnNewFiles = Callable[[Sequence[str]], None]


class PlannedPoint(NamedTuple):
    """One run of a plan.

    Attributes:
        overrides: the texts after `-S`.
        replicate: the number of the run among the runs of a repeated point, from 1; 0 for a run alone.
    """

    overrides: tuple[str, ...]
    replicate: int = 0


class Once(Enum):
    """The experiments that count for a point: a point with a counting experiment is not planned again.

    EVER: all. UNLESS_FAILED: all but failed runs from outside the queue. NEVER: none.
    """

    EVER = "ever"
    UNLESS_FAILED = "unless failed"
    NEVER = "never"


class Planned(NamedTuple):
    """The experiments of the points of a plan, in order.

    Attributes:
        queued: the new experiments.
        known: earlier experiments, queued, running or ended, as they were before.
        again: the names of those among them that have failed, and are queued again.
        names: the names of all, in order of their points.
    """

    queued: Sequence[Experiment]
    known: Sequence[Experiment]
    again: Sequence[str]
    names: Sequence[str]


class SharedCode(NamedTuple):
    """The code of all runs of a plan.

    Attributes:
        project: the project of the runs.
        head: HEAD of the workspace.
        taken: the snapshot of the workspace, without overrides.
        large: results of an earlier run that are too large for Git.
        lock: the text of gitexp.lock in the snapshot.
        warnings: sentences for all records.
    """

    project: Project
    head: Head
    taken: Snapshot
    large: Sequence[Artifact]
    lock: bytes
    warnings: tuple[str, ...]


def plan(
    project: Project,
    request: RunRequest,
    points: Sequence[PlannedPoint],
    sweep: str = "",
    *,
    once: Once = Once.EVER,
    retry_failed: bool = False,
) -> Planned:
    """Store a queued experiment for each point, all or none, unless an experiment has the point.

    An experiment has a point if its code, command and params are the same; of replicates without a seed each
    has an experiment of its own. `once` says which experiments count. With `retry_failed`, experiments of the
    queue that have failed go back to it; undo takes that back.
    Raises the errors of `gitexp.runs.run.run` from before the start of the command.
    """
    project.local.prepare()
    with project.local.lock("plan"):  # of two that plan the same, the second finds what the first has stored
        return _plan(project, request, points, sweep, once, retry_failed=retry_failed)


def _plan(
    project: Project,
    request: RunRequest,
    points: Sequence[PlannedPoint],
    sweep: str,
    once: Once,
    *,
    retry_failed: bool,
) -> Planned:
    found = _look(project, request, points, once)
    known, new, seen = dict[str, Experiment](), list[New](), set[_Key]()
    again = dict[str, RefChange]()
    places = list[Experiment | None]()  # in order of the points; None for a new experiment
    order = time.time_ns() // 1000
    with project.repo.writing_together():
        for number, (own, ready, key) in enumerate(zip(*found[:3], strict=True)):
            before = found.taken.get(key)
            if before is not None:
                if before.name not in known:
                    places.append(before)
                known[before.name] = before
                if retry_failed and before.name not in again and has_failed_in_queue(before):
                    again[before.name] = queued_anew(own, ready, before, order + number)
            elif once is Once.NEVER or key not in seen:
                seen.add(key)
                places.append(None)
                new.append(new_experiment(ready.code, own, ready, sweep, order + number, key[1]))
        failpoint("plan:stored")
        queued = project.store.create_together(new) if new else []
    put_back(project, again)
    of_points = iter(queued)
    names = [(one or next(of_points)).name for one in places]
    return Planned(queued, list(known.values()), list(again), names)


def rehearse(
    project: Project, request: RunRequest, points: Sequence[PlannedPoint], *, once: Once = Once.EVER
) -> list[Experiment | None]:
    """The present experiment of each point; None for a point that `plan` would store.

    Raises the errors of `plan`, and stores nothing that a ref names.
    """
    project.local.prepare()
    found = _look(project, request, points, once)
    return list(map(found.taken.get, found.keys))


class _Looked(NamedTuple):
    """The points of a plan, checked, with nothing stored that a ref names.

    Attributes:
        requests: the request of each.
        readies: the run of each.
        keys: identity and number of each.
        taken: the experiments with a point already.
    """

    requests: Sequence[RunRequest]
    readies: Sequence[Ready]
    keys: Sequence[_Key]
    taken: Mapping[_Key, Experiment]


def _look(project: Project, request: RunRequest, points: Sequence[PlannedPoint], once: Once) -> _Looked:
    """The points of a plan, all checked; raises the errors of `plan`."""
    earlier_ones = _by_identity(project, once)
    request = request._replace(parent=outer_run(project.repo))  # asked once for all
    project = commit_code.with_patterns(project, request, None)
    requests, checks = list[RunRequest](), list[Checked]()
    for point in points:  # all are checked before anything is stored
        own = request._replace(overrides=(*request.overrides, *point.overrides))
        requests.append(own)
        checks.append(checked_point(project, own))
    code = code_of(project, checks[0], request.on_new_files)
    found = readies(code, checks)
    keys = [(ready.identity, point.replicate) for ready, point in zip(found, points, strict=True)]
    return _Looked(requests, found, keys, _taken(keys, _same_runs(found, earlier_ones)))


def _same_runs(
    readies: Sequence[Ready], earlier_ones: Mapping[str, Sequence[Experiment]]
) -> dict[str, list[Experiment]]:
    """The earlier experiments that are the runs of some points, by identity."""
    found: dict[str, list[Experiment]] = {}
    for ready in readies:
        if ready.identity not in found:
            candidates = earlier_ones.get(ready.identity, ())
            found[ready.identity] = [one for one in candidates if earlier.started_alike(ready, one)]
    return found


def checked_point(project: Project, request: RunRequest) -> Checked:
    """The work of a run with its params; for stages also their inputs, to tell runs apart."""
    root = project.repo.root
    checked = work.check(project, request, None, root)
    return work.complete(checked, project, project, root, written=checked.params.edited)


def _taken(keys: Sequence[_Key], earlier_ones: Mapping[str, Sequence[Experiment]]) -> dict[_Key, Experiment]:
    """The experiment with a point, by the point's identity and number.

    No experiment has two points. First, experiments with the number of a point get this point. The others,
    perhaps run by hand, get the points left over.
    """
    found: dict[_Key, Experiment] = {}
    left = {identity: list(earlier_ones[identity]) for identity, _ in keys}
    for key in dict.fromkeys(keys):
        identity, replicate = key
        for one in left[identity]:
            if one.record.replicate == replicate:
                found[key] = one
                left[identity].remove(one)
                break
    for key in dict.fromkeys(keys):
        if key not in found and left[key[0]]:
            found[key] = left[key[0]].pop(0)
    return found


def _by_identity(project: Project, once: Once) -> dict[str, list[Experiment]]:
    """The experiments that count, by identity; the order of states is `_BEST_FIRST`."""
    found: dict[str, list[Experiment]] = {}
    every = list[Experiment]()
    for one in project.store.readable():
        was_queued = bool(one.record.start)  # then it can go back to the queue
        if once is Once.EVER or (once is Once.UNLESS_FAILED and (was_queued or one.record.status in _GOOD)):
            every.append(one)
    for one in sorted(every, key=lambda one: _BEST_FIRST.index(one.record.status)):
        found.setdefault(one.record.identity, []).append(one)
    return found


def code_of(project: Project, checked: Checked, on_new_files: OnNewFiles) -> SharedCode:
    """The workspace, stored without the overrides of any point."""
    repo = project.repo
    head = repo.head()
    large = commit_code.without_checkpoints(project, inputs.large_results(project, repo.root))
    data = inputs.present_data(project)
    scope = work.scope_of(project, checked.work)
    unchanged = checked._replace(params=checked.params._replace(edited={}))
    known = paths_of(inputs.unchanged(project, large))
    taken = prepare.snapshot_of(project, unchanged, scope, known, data)
    worktrees.refuse_submodules(repo, taken.tree, project.config.share)
    _refuse_absent_program(project, checked, taken.tree)
    if files := first_time.new_files(project, "run", head.commit, taken.tree):
        on_new_files(files)
    return SharedCode(project, head, taken, large, data.lock, (*data.warnings, *taken.warnings))


def _refuse_absent_program(project: Project, checked: Checked, tree: str) -> None:
    """Raise SnapshotRefused for a program that an isolated workspace would not have, since Git ignores it."""
    if not isinstance(checked.work, PlainCommand):
        return
    root = project.repo.root.resolve()
    command, folder = checked.work.line, root / checked.folder
    words = next(simple_commands(command), []) if isinstance(command, str) else command
    if not words or "/" not in words[0] or PurePosixPath(words[0]).is_absolute():
        return
    file = Path(os.path.normpath(folder / words[0]))
    if not (file.is_relative_to(root) and file.exists()):
        return
    path = file.relative_to(root).as_posix()
    if lies_in_any(path, project.config.share) or files_in(project.repo, tree, [path]):
        return
    raise errors.SnapshotRefused(
        f"An isolated run would not have its program: {path} is no part of the code.",
        "Git, or .gitexpignore, leaves it out: list it, or its folder, under share: in gitexp.yaml.",
        paths=[path],
    )


def readies(code: SharedCode, checks: Sequence[Checked]) -> list[Ready]:
    """The runs of all points, with their identities; their names are still open."""
    repo = code.project.repo
    trees = list[str | None]()
    with repo.writing_together():
        for checked in checks:
            trees.append(plain_files.with_files(repo, code.taken.tree, (), (), checked.params.edited))
    found = []
    for checked, tree in zip(checks, trees, strict=True):
        ready = _of_point(code, checked, tree)
        if warnings := ready.stored_command.warnings:
            raise errors.UsageError(
                f"A queued run cannot have a secret in its command: {warnings[0]}.",
                "Give it in an environment variable, or in a file that Git ignores and share: names.",
            )
        found.append(earlier.with_identity(ready))
    return found


def _of_point(code: SharedCode, checked: Checked, tree: str | None) -> Ready:
    """The run of a point; its commit, identity and names are still open. `tree` None: Git has to make it."""
    project, repo, taken = code.project, code.project.repo, code.taken
    exact, edited = taken.exact, checked.params.edited
    if tree is None:
        with project.local.scratch() as scratch:
            changed = snapshot.with_files(repo, scratch, taken.tree, [], [], edited)
        tree = changed.tree
        exact = (*(path for path in exact if path not in edited), *changed.exact)
    return Ready(
        code=project,
        params=checked.params,
        work=checked.work,
        folder=checked.folder,
        baseline=code.head.commit,
        branch=branch_of(code.head),
        workspace=repo,
        tree=tree,
        commit="",
        scope=work.scope_of(project, checked.work)._replace(large=paths_of(code.large)),
        lock=code.lock,
        warnings=(*checked.warnings, *code.warnings),
        converting=Conversions(conversions.settings_of(repo), exact),
    )
