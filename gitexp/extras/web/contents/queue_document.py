"""The queue: what runs and what waits, and who works on it."""

from __future__ import annotations

from typing import Any

from gitexp.extras.queue import api, queue, workers
from gitexp.extras.web.contents import command_lines
from gitexp.model import Experiment
from gitexp.process.environment import machine
from gitexp.project.project import Project

Document = dict[str, Any]

_MOST = 2_000


def queue_document(project: Project) -> Document:
    """The running and the queued experiments, and the workers of this machine."""
    every = project.store.all()
    found = api.experiments(project)
    at_work = api.workers(project)
    living = {worker.name for worker in at_work}
    return {
        "runs": [_run(one, living) for one in found[:_MOST]],
        "count": len(found),
        "waiting": sum(map(queue.waits_here, found)),
        "workers": [{"name": one.name, "pid": one.process.pid, "stops": one.is_to_stop} for one in at_work],
        "fallen": [{"name": one.name, "words": one.words} for one in workers.fallen(project.local)],
        "lost": [one.name for one in queue.lost(project, every)],
        "commands": [
            {"what": "Run what waits", "line": command_lines.line("queue", "start")},
            {"what": "Let the workers end after their runs", "line": command_lines.line("queue", "stop")},
        ],
    }


def _run(one: Experiment, living: set[str]) -> Document:
    record = one.record
    is_dead = record.worker != "" and record.host == machine().host and record.worker not in living
    return {
        "name": one.name,
        "status": str(record.status),
        "worker": record.worker,
        "dead": is_dead and str(record.status) == "running",
        "host": record.host,
        "waits_at": record.waits_at,
        "created": record.created,
        "overrides": [*record.overrides],
        "note": record.note,
        "command": record.command,
        "sweep": record.sweep,
    }
