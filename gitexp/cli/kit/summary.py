"""An experiment in one line, as `run` and `save` end with it."""

from __future__ import annotations

from gitexp.catalog import rows
from gitexp.model import Experiment, Record, Status
from gitexp.times import show_duration
from gitexp.words import PRECISION, show_value

_MOST_METRICS = 6


def ended_line(experiment: Experiment) -> str:
    """Return what became of an experiment: its name, state, duration and first metrics."""
    return " · ".join([f"{experiment.name} {outcome(experiment.record)}", *_metrics(experiment)])


def outcome(record: Record) -> str:
    """Return what became of a run and how long it took: "done in 3.2 s", "failed (exit 1) in 12 s"."""
    state = str(record.status)
    if record.status is Status.FAILED:
        state = f"failed (exit {record.exit_code})"
    return state if record.duration is None else f"{state} in {show_duration(record.duration)}"


def same_line(experiment: Experiment, *, runs: bool) -> str:
    """Return what is to be said of an earlier run that was the same: its name and first metrics."""
    if not experiment.record.status.ended:
        return f"same as {experiment.name}, which is running"
    parts = [f"same as {experiment.name}", *_metrics(experiment)]
    return ", ".join(parts) + ("" if runs else ": not run again")


def _metrics(experiment: Experiment) -> list[str]:
    metrics = list(rows.of_one(experiment).metrics.items())[:_MOST_METRICS]
    return [f"{key} {show_value(value, PRECISION)}" for key, value in metrics]
