"""The runs of a repository as MLflow counts them: experiments, removed ones too, and runs that go on.

What has ended never changes under its record's id, so it is read once. One `git for-each-ref` says what is
there; only what is new is read. What MLflow knows beside the record is read when it is asked for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gitexp.extras.integrations.mlflow import run_log_files
from gitexp.extras.integrations.mlflow.ended_facts import EndedFacts
from gitexp.extras.integrations.mlflow.run_facts import RunFacts
from gitexp.model import Experiment, Record, Status
from gitexp.named_tuple import NamedTuple
from gitexp.project.hold import has_died
from gitexp.project.project import Project
from gitexp.repo import live, trash
from gitexp.repo.experiments import PREFIX
from gitexp.runs.ongoing.recover import finish_dead_runs

DEFAULT_EXPERIMENT = "0"


class IndexedRun(NamedTuple):
    """A run of the index.

    Attributes:
        run_id: its id for MLflow.
        experiment_id: the id of its MLflow experiment.
        ref: the ref of the experiment.
        experiment: the experiment.
        folder: `logged/` of a live run here; else None.
        start: the time of the start, in ms since 1970.
        facts_of: gives MLflow's further facts about the experiment.
    """

    run_id: str
    experiment_id: str
    ref: str
    experiment: Experiment
    folder: Path | None
    start: int
    facts_of: Callable[[Experiment], RunFacts]

    @property
    def facts(self) -> RunFacts:
        """MLflow's further facts about the run."""
        return self.facts_of(self.experiment)

    @property
    def record(self) -> Record:
        return self.experiment.record

    @property
    def is_in_trash(self) -> bool:
        return self.ref.startswith(trash.PREFIX)

    @property
    def is_removed(self) -> bool:
        """Whether the run counts as deleted in MLflow."""
        return self.is_in_trash or self.facts.run.get("lifecycle") == "deleted"


class RunIndex:
    """All runs of a repository. Not for several threads at once: `OpenedRepository` has the lock."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._facts = EndedFacts(project)
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

    def load(self, runs: Iterable[IndexedRun]) -> None:
        """Read the facts about many runs together; each asked for alone costs a question to Git."""
        self._facts.load(run.experiment for run in runs if run.facts_of == self._facts.of)

    def going(self, experiment: Experiment, folder: Path) -> IndexedRun:
        """A live run, from its folder alone, without Git."""
        return self._going(PREFIX + experiment.name, experiment, folder)

    def ended(self, experiment: Experiment) -> IndexedRun:
        """A run after its end, just now."""
        return self._indexed(PREFIX + experiment.name, experiment)

    def _refresh(self) -> None:
        project, self._has_looked = self._project, True
        if any(has_died(state) for state in live.live_runs(project.local)):
            finish_dead_runs(project)
        folders = {}
        for state in live.live_runs(project.local):
            if state.name:
                folders[state.name] = state.logged
        there: dict[tuple[str, str], None] = {}
        for name, oid in project.repo.refs(PREFIX, trash.PREFIX, fields=("refname", "objectname")):
            there[os.fsdecode(name), oid.decode()] = None
        before, self._ended = self._ended, {}
        for key in there:
            if key in before:
                self._ended[key] = before[key]
        self._facts.forget_all_but({oid for _, oid in there})
        going = self._read([key for key in there if key not in before], folders)
        self._runs = {}
        for run in (*self._ended.values(), *going):
            if run.run_id in self._runs:  # two runs of one millisecond, or a copy
                run = run._replace(run_id=_digest(run.run_id, run.ref))
            self._runs[run.run_id] = run

    def _read(self, keys: list[tuple[str, str]], folders: dict[str, Path]) -> list[IndexedRun]:
        """Read the runs of some refs: keep the ended runs, and return the live runs."""
        found = self._project.store.read_commits(dict(keys))
        going = []
        for (ref, _), one in zip(keys, found, strict=True):
            experiment = one.experiment
            if not isinstance(experiment, Experiment) or experiment.record.status is Status.QUEUED:
                continue
            experiment = experiment._replace(name=ref.rpartition("/")[2])
            if experiment.record.status.ended:
                self._ended[ref, experiment.id] = self._indexed(ref, experiment)
            else:
                going.append(self._going(ref, experiment, folders.get(experiment.name)))
        return going

    def _going(self, ref: str, experiment: Experiment, folder: Path | None) -> IndexedRun:
        if folder is None:
            return _indexed(ref, experiment, None, experiment.record.mlflow, _no_facts)
        facts = run_log_files.facts_in(folder)
        return _indexed(ref, experiment, folder, run_log_files.claim_in(folder), lambda _: facts)

    def _indexed(self, ref: str, experiment: Experiment) -> IndexedRun:
        """An ended run."""
        return _indexed(ref, experiment, None, experiment.record.mlflow, self._facts.of)


def _indexed(
    ref: str,
    experiment: Experiment,
    folder: Path | None,
    known: Mapping[str, Any],
    facts_of: Callable[[Experiment], RunFacts],
) -> IndexedRun:
    record = experiment.record
    return IndexedRun(
        run_id=known.get("run") or derived_id(record),
        experiment_id=known.get("experiment") or DEFAULT_EXPERIMENT,
        ref=ref,
        experiment=experiment,
        folder=folder,
        start=known.get("start") or milliseconds(record.created),
        facts_of=facts_of,
    )


def _no_facts(experiment: Experiment) -> RunFacts:
    return RunFacts()


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
