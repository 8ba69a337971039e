"""The runs of a repository as MLflow counts them: experiments, removed ones too, and runs that go on.

What has ended never changes under its record's id, so it is read once. One `git for-each-ref` says what is
there; only what is new is read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from gitexp.extras.integrations.mlflow import run_log_files
from gitexp.extras.integrations.mlflow.run_facts import RunFacts, read_facts
from gitexp.files import timed_lines
from gitexp.model import Experiment, Record, Status
from gitexp.project.hold import has_died
from gitexp.project.project import Project
from gitexp.repo import live, trash
from gitexp.repo.experiments import PREFIX, RUN_FOLDER
from gitexp.runs.logged_files import MLFLOW
from gitexp.runs.recover import finish_dead_runs

DEFAULT_EXPERIMENT = "0"


class IndexedRun(NamedTuple):
    """A run of the index.

    Attributes:
        run_id: its id for MLflow.
        experiment_id: the id of its MLflow experiment.
        ref: the ref of the experiment.
        experiment: the experiment.
        folder: `logged/` of a live run here; else None.
        facts: MLflow's further facts about the run.
        start: the time of the start, in ms since 1970.
    """

    run_id: str
    experiment_id: str
    ref: str
    experiment: Experiment
    folder: Path | None
    facts: RunFacts
    start: int

    @property
    def record(self) -> Record:
        return self.experiment.record

    @property
    def is_removed(self) -> bool:
        """Whether the run counts as deleted in MLflow."""
        return self.ref.startswith(trash.PREFIX) or self.facts.run.get("lifecycle") == "deleted"


class RunIndex:
    """All runs of a repository. Not for several threads at once: `OpenedRepository` has the lock."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._ended: dict[tuple[str, str], IndexedRun] = {}
        self._runs: dict[str, IndexedRun] = {}
        self._has_looked = False

    def all(self) -> list[IndexedRun]:
        """All runs in their present state."""
        self._refresh()
        return [*self._runs.values()]

    def known(self) -> list[IndexedRun]:
        """All runs in their last known state."""
        if not self._has_looked:
            self._refresh()
        return [*self._runs.values()]

    def get(self, run_id: str) -> IndexedRun | None:
        """One run in its present state; None for an unknown id."""
        self._refresh()
        return self._runs.get(run_id)

    def going(self, experiment: Experiment, folder: Path) -> IndexedRun:
        """A live run, from its folder alone, without Git."""
        return self._going(PREFIX + experiment.name, experiment, folder)

    def ended(self, experiment: Experiment) -> IndexedRun:
        """A run after its end, just now."""
        (facts,) = self._facts([experiment])
        return _indexed(PREFIX + experiment.name, experiment, None, facts, experiment.record.mlflow)

    def _refresh(self) -> None:
        project, self._has_looked = self._project, True
        if any(has_died(state) for state in live.live_runs(project.local)):
            finish_dead_runs(project)
        folders = {state.name: state.logged for state in live.live_runs(project.local) if state.name}
        there: dict[tuple[str, str], None] = {}
        for name, oid in project.repo.refs(PREFIX, trash.PREFIX, fields=("refname", "objectname")):
            there[os.fsdecode(name), oid.decode()] = None
        before, self._ended = self._ended, {}
        for key in there:
            if key in before:
                self._ended[key] = before[key]
        going = self._read([key for key in there if key not in before], folders)
        self._runs = {}
        for run in (*self._ended.values(), *going):
            if run.run_id in self._runs:  # two runs of one millisecond, or a copy
                run = run._replace(run_id=_digest(run.run_id, run.ref))
            self._runs[run.run_id] = run

    def _read(self, keys: list[tuple[str, str]], folders: dict[str, Path]) -> list[IndexedRun]:
        """Read the runs of some refs: keep the ended runs, and return the live runs."""
        store = self._project.store
        found = store.read_commits(dict(keys))
        ended, going = [], []
        for (ref, _), one in zip(keys, found, strict=True):
            experiment = one.experiment
            if not isinstance(experiment, Experiment) or experiment.record.status is Status.QUEUED:
                continue
            experiment = experiment._replace(name=ref.rpartition("/")[2])
            if experiment.record.status.ended:
                ended.append((ref, experiment))
            else:
                going.append(self._going(ref, experiment, folders.get(experiment.name)))
        for (ref, experiment), facts in zip(ended, self._facts([each for _, each in ended]), strict=True):
            run = _indexed(ref, experiment, None, facts, experiment.record.mlflow)
            self._ended[ref, experiment.id] = run
        return going

    def _facts(self, experiments: Iterable[Experiment]) -> list[RunFacts]:
        """MLflow's facts about ended runs."""
        there = [experiment for experiment in experiments if experiment.record.mlflow]
        places = [f"{experiment.id}:{RUN_FOLDER}/{MLFLOW}" for experiment in there]
        by_id: dict[str, RunFacts] = {}
        for experiment, content in zip(there, self._project.repo.read_blobs(places), strict=True):
            said = timed_lines.in_order([(content or b"").split(b"\n")])
            by_id[experiment.id] = read_facts(line.said for line in said)
        return [by_id.get(experiment.id) or RunFacts() for experiment in experiments]

    def _going(self, ref: str, experiment: Experiment, folder: Path | None) -> IndexedRun:
        if folder is None:
            return _indexed(ref, experiment, None, RunFacts(), experiment.record.mlflow)
        return _indexed(
            ref, experiment, folder, run_log_files.facts_in(folder), run_log_files.claim_in(folder)
        )


def _indexed(
    ref: str, experiment: Experiment, folder: Path | None, facts: RunFacts, known: Any
) -> IndexedRun:
    record = experiment.record
    return IndexedRun(
        run_id=known.get("run") or derived_id(record),
        experiment_id=known.get("experiment") or DEFAULT_EXPERIMENT,
        ref=ref,
        experiment=experiment,
        folder=folder,
        facts=facts,
        start=known.get("start") or milliseconds(record.created),
    )


def derived_id(record: Record) -> str:
    """The id of a run begun without MLflow: the same on every clone, under every name."""
    what = (record.created, record.host, record.user, record.baseline, record.command or "")
    return _digest(*what, *record.overrides, str(record.replicate))


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def milliseconds(time: str | None) -> int:
    """A time of a record in ms since 1970; 0 for none."""
    try:
        return round(datetime.fromisoformat(time or "").timestamp() * 1000)
    except ValueError:
        return 0
