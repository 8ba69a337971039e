"""What is known of the running experiments of this machine: the last values, and the alerts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from typing import Any

from gitexp.catalog.rows import NO_FILES, Draft
from gitexp.files.keys import nested
from gitexp.files.lines import alert_lines, series_tail
from gitexp.files.lines.alert_lines import ALERTS
from gitexp.files.lines.series import FACTS, WRITERS
from gitexp.files.lines.series_tail import LastLogged
from gitexp.model import Experiment, Status, Stored
from gitexp.nofollow import Folder, is_plain
from gitexp.project.project import Project
from gitexp.repo.live import LOGGED, RunState, live_runs

_PLACE = f"{NO_FILES}/run/summary.json"  # where an ended run has them, unless the project has a file for them


def with_values(project: Project, experiments: Sequence[Stored], drafts: Iterable[Draft]) -> list[Draft]:
    """The drafts of some experiments; the running ones have the values that they have logged last."""
    found = list(drafts)
    running: dict[str, int] = {}
    for at, one in enumerate(experiments):
        if isinstance(one, Experiment) and one.record.status is Status.RUNNING:
            running[one.name] = at
    if not running:
        return found
    for state in live_runs(project.local):
        if state.name in running and (values := last_values(state)):
            at = running[state.name]
            metrics = nested({name: last.value for name, last in values.items()})
            found[at] = found[at]._replace(metrics={**found[at].metrics, _PLACE: metrics})
    return found


def last_values(state: RunState) -> dict[str, LastLogged]:
    """The last value of each metric that a live run has logged of late; {} if nothing can be read."""
    found: dict[str, LastLogged] = {}
    with contextlib.suppress(OSError), state.opened() as run, run.folder(LOGGED) as folder:
        for name in folder.names():
            if WRITERS.fullmatch(name):
                fd = folder.open(name)
                try:
                    for metric, last in series_tail.last_values(fd).items():
                        if metric not in found or last[:2] >= found[metric][:2]:
                            found[metric] = last
                finally:
                    os.close(fd)
    return found


def alerts(project: Project) -> dict[str, list[dict[str, Any]]]:
    """The alerts of each run that goes on here, by the name of the experiment."""
    found: dict[str, list[dict[str, Any]]] = {}
    for state in live_runs(project.local):
        with contextlib.suppress(OSError), state.opened() as run, run.folder(LOGGED) as folder:
            names = [name for name in folder.names() if is_plain(folder.stat(name))]
            found[state.name] = alerts_in(folder, names)
    return found


def alerts_in(folder: Folder, names: Sequence[str]) -> list[dict[str, Any]]:
    """The alerts in the files of a folder of what was logged. Raises OSError."""
    of_code: list[Any] = []
    for name in names:
        if FACTS.fullmatch(name):
            for line in folder.lines(name):
                of_code += alert_lines.of_facts(line)
    lines = folder.lines(ALERTS) if ALERTS in names else ()
    return alert_lines.merged(lines, of_code)
