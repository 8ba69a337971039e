"""A run whose job was ended for the engine's sake: it goes back to the queue, and goes on there.

A scheduler that preempts a job, or loses its node, may start the same command again, under the same id, and
so does Dask when a worker has died. So a job first looks whether its run was begun by an earlier start.
"""

from __future__ import annotations

import time
from dataclasses import replace

from gitexp import errors
from gitexp.extras.queue import queue
from gitexp.extras.queue.workers import Orders
from gitexp.failpoints import failpoint
from gitexp.model import Experiment, Status
from gitexp.process.limits import GRACE
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.runs.ongoing.recover import finish_lost_jobs
from gitexp.runs.resuming.requeue import is_lost, requeue

_PATIENCE = GRACE + 50.0  # seconds in which the earlier start of a job stores what it has
_INTERVAL = 0.2


def take_on_again(project: Project, name: str, orders: Orders, *, made_room: bool) -> None:
    """Put back into the queue a run begun by an earlier start of this same job.

    `made_room`: whether the scheduler has ended the earlier start for others, with its end stored.
    An earlier start that does not end in time is left alone.
    """
    until = time.monotonic() + _PATIENCE
    while (one := _begun_by(project, name, orders)) is not None:
        if one.record.status is Status.INTERRUPTED:
            counts = is_lost(one) or not made_room
            put_back_preempted(project, one, orders.max_retries, counts=counts)
        if one.record.status is not Status.RUNNING or time.monotonic() > until:
            return
        finish_lost_jobs(project, [name])
        time.sleep(_INTERVAL)


def goes_on_later(project: Project, name: str, orders: Orders) -> bool:
    """Put the run of a job at the end of its time back into the queue; whether the run waits there now."""
    one = _begun_by(project, name, orders)
    if one is not None and one.record.status is Status.INTERRUPTED:
        return put_back_preempted(project, one, orders.max_retries) is not None
    now = project.store.get(name)
    return isinstance(now, Experiment) and now.record.status is Status.QUEUED


def put_back_preempted(
    project: Project, one: Experiment, max_retries: int, *, counts: bool = True
) -> Experiment | None:
    """The interrupted run, queued again; None if not allowed, or if somebody else was quicker.

    A try without a new checkpoint counts: a run must come to an end even if its machine goes down each time,
    or its time never suffices. Only a try that had to make room for others does not count.
    """
    if is_lost(one) and counts:  # it could not store what it had
        again = queue.requeue_lost(project, max_retries=max_retries)
        return next((found for found in again if found.name == one.name), None)
    if project.dry_run or (counts and one.record.tries >= max_retries):
        return None
    tries = one.record.tries + counts - is_lost(one)  # `requeue` counts those that were lost
    failpoint("engine:preempted")
    try:
        queued = requeue(project, one._replace(record=replace(one.record, tries=tries)))
    except errors.BadRecord:  # doctor names it
        return None
    live.forget_lost(project.local, one.record.start)
    return queued


def _begun_by(project: Project, name: str, orders: Orders) -> Experiment | None:
    """The experiment, if a job with the id of this job has begun the run."""
    one = project.store.get(name)
    if not orders.job or not isinstance(one, Experiment):
        return None
    is_ours = (one.record.engine, one.record.job) == (orders.engine, orders.job)
    return one if is_ours else None
