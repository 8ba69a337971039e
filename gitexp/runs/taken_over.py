"""A run that was taken for dead by another machine, and was not.

Its machine may have slept, or have been cut off from the disk. Where the other machine has only stored what
was there, the true end takes the place of that. Where the run goes on there as well, this end is another
experiment: nothing of either is lost.
"""

from __future__ import annotations

from dataclasses import replace

from gitexp.catalog import names
from gitexp.model import Experiment, Record, Status
from gitexp.project.project import Project
from gitexp.repo import live
from gitexp.repo.live import RunState


def experiment_to_end(project: Project, state: RunState, experiment: Experiment) -> Experiment:
    """The experiment for the end of a run: its own, or a new one if another process runs its own."""
    if not state.can_be_told:
        return experiment
    record, current = experiment.record, project.store.get(experiment.name)
    live.forget_lost(project.local, record.start)  # it need not go back to the queue
    if not isinstance(current, Experiment) or current.record.status is not Status.RUNNING:
        return experiment
    if current.record.process == record.process:
        return experiment
    told = f"it was taken for dead while it ran, and {experiment.name} was begun again on another machine"
    tree = project.repo.resolve(experiment.id, "tree")
    assert tree is not None  # its record commit holds it

    def build(name: str) -> tuple[Record, str]:
        warnings = (*record.warnings, told)
        return replace(record, name=name, start="", waits_at="", warnings=warnings), tree

    free = names.numbered(experiment.name, project.store.names())
    return names.create(free, lambda name: project.store.create(name, record.commit, build))
