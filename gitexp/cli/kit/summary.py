"""An experiment in one line: the last line of `run` and `save`."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.catalog import rows
from gitexp.model import Experiment, Flat, Record, Status, Value
from gitexp.times import show_duration
from gitexp.words import PRECISION, shorten, show_value

_MOST_METRICS = 6


def ended_line(experiment: Experiment) -> str:
    """The end of a run: name, state, duration and first metrics."""
    return " · ".join([f"{experiment.name} {outcome(experiment.record)}", *_metrics(experiment)])


def outcome(record: Record) -> str:
    """The state and duration of a run: "done in 3.2 s", "failed (exit 1) in 12 s"."""
    state = str(record.status)
    if record.status is Status.FAILED:
        state = f"failed (exit {record.exit_code})"
    if record.reason:
        state = f"{record.status} ({record.reason})"
    if record.duration is None:
        return state
    return f"{state} in {show_duration(record.duration)}"


def same_line(experiment: Experiment, *, runs: bool) -> str:
    """Words on an earlier, equal run: name and first metrics. `runs`: the run is made again nevertheless."""
    if not experiment.record.status.ended:
        return f"same as {experiment.name}, which is running"
    line = ", ".join([f"same as {experiment.name}", *_metrics(experiment)])
    if runs:
        return f"{line}; --once gives that result and runs nothing"
    return f"{line}: not run again"


def told_of_untracked(files: Sequence[str], what: str) -> str:
    """The files of no commit yet that became something, and how to leave untracked ones out."""
    return f"Files that are not committed are {what}: {shorten(files)}. To leave some out: .gitexpignore"


def _metrics(experiment: Experiment) -> list[str]:
    metrics = _once(rows.of_one(experiment).metrics)
    return [f"{key} {show_value(value, PRECISION)}" for key, value in list(metrics.items())[:_MOST_METRICS]]


def _once(metrics: Flat) -> dict[str, Value]:
    """The metrics; of a number that stands in a file and was logged as well, the file's by its plain name."""
    echoes, of_file = rows.echoes(metrics, [metrics]), rows.logged_too(metrics)
    files, found = {of_file[echo] for echo in echoes}, {}
    for key, value in metrics.items():
        if key not in echoes:
            found[key.partition(":")[2] if key in files else key] = value
    return found
