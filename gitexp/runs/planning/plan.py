"""Runs for later: each is checked and stored as a queued experiment, and nothing begins.

All runs planned together have the same code, stored once. They differ in the values of their params.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from enum import Enum

from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Status
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.repo.experiments import New
from gitexp.repo.git.values import RefChange
from gitexp.runs.begin import outer_run
from gitexp.runs.checks import earlier
from gitexp.runs.checks.work import Checked
from gitexp.runs.planning.planned import has_failed_in_queue, new_experiment, put_back, queued_anew
from gitexp.runs.planning.shared_code import CodeToPlan, readies
from gitexp.runs.ready import Ready
from gitexp.runs.request import RunRequest

_BEST_FIRST = (Status.DONE, Status.RUNNING, Status.QUEUED, Status.INTERRUPTED, Status.FAILED)

_GOOD = (Status.DONE, Status.RUNNING, Status.QUEUED)

_Key = tuple[str, int]  # the identity of a point, and its number among points with the same identity


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
    # Of two that plan the same, the second finds what the first has stored.
    with project.local.lock("plan"), contextlib.ExitStack() as held:
        found = _look(project, request, points, once, held)
        return _store(project, found, sweep, once, retry_failed=retry_failed)


def _store(project: Project, found: _Looked, sweep: str, once: Once, *, retry_failed: bool) -> Planned:
    known, new, seen = dict[str, Experiment](), list[New](), set[_Key]()
    again = dict[str, RefChange]()
    places = list[Experiment | None]()  # in order of the points; None for a new experiment
    order = time.time_ns() // 1000
    with project.repo.writing_together():
        for number, (own, ready, key) in enumerate(zip(*found[:3], strict=True)):
            ready = ready._replace(code=ready.code._replace(repo=project.repo))  # so that all is one pack
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
    with contextlib.ExitStack() as held:
        found = _look(project, request, points, once, held)
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


def _look(
    project: Project,
    request: RunRequest,
    points: Sequence[PlannedPoint],
    once: Once,
    held: contextlib.ExitStack,
) -> _Looked:
    """The points of a plan, all checked; raises the errors of `plan`."""
    earlier_ones = _by_identity(project, once)
    request = request._replace(parent=outer_run(project.repo))  # asked once for all
    source = CodeToPlan.of(project, request, held)
    requests, checks = list[RunRequest](), list[Checked]()
    for point in points:  # all are checked before anything is stored
        own = request._replace(overrides=(*request.overrides, *point.overrides))
        requests.append(own)
        checks.append(source.checked_point(own))
    found = readies(source.stored(checks[0], request.on_new_files), checks)
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
