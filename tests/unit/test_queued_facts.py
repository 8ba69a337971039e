"""Which facts a run has from its queued record, or from its earlier try: each field of a record is decided.

A new field of `Record` fails here until it is in the lists, and in the function if it is to be kept.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from gitexp.model import Experiment, Record
from gitexp.runs.begin import Claim, with_queued_facts
from gitexp.runs.planning.planned import with_earlier_facts

ID = "a" * 40
# Known when a run has begun or ended: neither a plan nor a queued record has them.
LATER = """
    metrics cut_params cut_metrics written_params finished duration exit_code python gpus process stages seen
    reason series tables system mlflow alerts certificates imported
"""
# Found anew by whoever plans a run, or takes it from the queue.
FOUND = """
    status commit baseline branch command argv folder project identity group params patterns created user host
    platform cpus gitexp resumed_from checkpoints protected holdout reproduces
"""


def filled(which: str) -> Record:
    """A record with a value of its own in each field."""
    values: dict[str, Any] = {field.name: f"{which} {field.name}" for field in fields(Record)}
    return Record(**{**values, "warnings": (which,)})


OLD, NEW = filled("old"), filled("new")


def origins(record: Record) -> dict[str, set[str]]:
    """The names of the fields by where their value is from: OLD, NEW, or elsewhere."""
    found: dict[str, set[str]] = {"old": set(), "new": set(), "other": set()}
    for field in fields(Record):
        value, origin = getattr(record, field.name), "other"
        if value == getattr(OLD, field.name):
            origin = "old"
        elif value == getattr(NEW, field.name):
            origin = "new"
        found[origin].add(field.name)
    return found


def test_a_worker_keeps_the_facts_that_only_the_queued_record_has() -> None:
    claim = Claim(Experiment("one", ID, OLD), worker="w", engine="slurm", job="7", taken_at="origin")
    taken = with_queued_facts(NEW, claim)
    kept = "overrides note tags replicate sweep parent trial loop start order tries extra"
    assert origins(taken) == {
        "old": {*kept.split()},
        "new": {*LATER.split(), *FOUND.split(), "name", "limits"},
        "other": {"warnings", "worker", "engine", "job", "waits_at"},
    }
    assert taken.warnings == ("old", "new")
    assert (taken.worker, taken.engine, taken.job, taken.waits_at) == ("w", "slurm", "7", "origin")


def test_a_run_planned_anew_keeps_what_its_earlier_try_was_for() -> None:
    planned = with_earlier_facts(NEW, OLD)
    from_plan = "overrides note warnings limits parent start order tries worker engine job waits_at extra"
    assert origins(planned) == {
        "old": {"name", "tags", "replicate", "sweep", "trial", "loop"},
        "new": {*LATER.split(), *FOUND.split(), *from_plan.split()},
        "other": set(),
    }
    silent = with_earlier_facts(replace(NEW, note="", limits={}), OLD)
    assert (silent.note, silent.limits) == (OLD.note, OLD.limits)
