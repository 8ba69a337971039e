"""An experiment in one line, as `run` and `save` end with it."""

from __future__ import annotations

from gitexp.cli.values import PRECISION, show_duration, show_value
from gitexp.model import Experiment, Status
from gitexp.ops import rows

_MOST_METRICS = 6


def ended_line(experiment: Experiment) -> str:
    """Return what became of an experiment: its name, state, duration and first metrics."""
    record = experiment.record
    state = str(record.status)
    if record.status is Status.FAILED:
        state = f"failed (exit {record.exit_code})"
    parts = [f"{experiment.name} {state}"]
    if record.duration is not None:
        parts[0] += f" in {show_duration(record.duration)}"
    return " · ".join([*parts, *_metrics(experiment)])


def same_line(experiment: Experiment, *, runs: bool) -> str:
    """Return what is to be said of an earlier run that was the same: its name and first metrics."""
    if not experiment.record.status.ended:
        return f"same as {experiment.name}, which is running"
    parts = [f"same as {experiment.name}", *_metrics(experiment)]
    return ", ".join(parts) + ("" if runs else ": not run again")


def _metrics(experiment: Experiment) -> list[str]:
    metrics = list(rows.of_one(experiment).metrics.items())[:_MOST_METRICS]
    return [f"{key} {show_value(value, PRECISION)}" for key, value in metrics]
