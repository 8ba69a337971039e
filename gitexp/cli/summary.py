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
    metrics = rows.of_one(experiment).metrics
    parts += [f"{key} {show_value(value, PRECISION)}" for key, value in list(metrics.items())[:_MOST_METRICS]]
    return " · ".join(parts)
