"""Runs begun, written and ended by MLflow's clients, in gitexp's terms."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from gitexp import errors
from gitexp.extras.integrations.mlflow import late_additions, run_log_files
from gitexp.extras.integrations.mlflow.late_additions import LateAdditions, MetricPoint
from gitexp.extras.integrations.mlflow.place import OpenedRepository
from gitexp.extras.integrations.mlflow.plain_params import plain_params
from gitexp.extras.integrations.mlflow.run_index import IndexedRun, derived_id
from gitexp.extras.integrations.mlflow.run_log_files import LastValue, RunWriter
from gitexp.extras.integrations.mlflow.tags import NOTE, labels_of
from gitexp.extras.tracking.own_run import OwnRun
from gitexp.files.lines.series import SERIES, LoggedPoint
from gitexp.history import remove, restore
from gitexp.model import Experiment, Status
from gitexp.process.variables import NAME, RUN
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo import live, trash
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.repo.live import LOGGED, RunState
from gitexp.runs.end import finish

FINISHED, FAILED, KILLED, RUNNING, SCHEDULED = "FINISHED", "FAILED", "KILLED", "RUNNING", "SCHEDULED"
_EXIT_CODES = {FINISHED: 0, FAILED: 1, KILLED: 1}
STATUS_OF = {
    Status.QUEUED: SCHEDULED,
    Status.RUNNING: RUNNING,
    Status.DONE: FINISHED,
    Status.FAILED: FAILED,
    Status.INTERRUPTED: KILLED,
}
_CLAIMED = "mlflow.claimed"
_PATIENCE = 60.0  # seconds for another process that stores the run
_INTERVAL = 0.05  # seconds between two looks at whether it has
_NO_NAME = regex(r"[^A-Za-z0-9._-]+")


class Runs:
    """The runs of a repository, for writing. The caller holds the place."""

    def __init__(self, place: OpenedRepository) -> None:
        self._place = place

    @property
    def _project(self) -> Project:
        return self._place.project

    # -- reading ----------------------------------------------------------------------------------

    def require(self, run_id: str) -> IndexedRun:
        """The run of an id. Raises UnknownExperiment."""
        writer = self._place.writers.get(run_id)
        if writer is not None and writer.is_live:
            return self._place.index.going(writer.experiment, writer.folder)
        found = self._place.index.get(run_id)
        if found is None:
            raise errors.ExperimentError(
                f"Run with id={run_id} not found.",
                "gitexp list -A names all there are.",
                code="unknown-experiment",
            )
        return found

    def writer(self, run_id: str) -> RunWriter | None:
        """The writer of a live run; None for an ended or unknown run."""
        writer = self._place.writers.get(run_id)
        if writer is not None:
            if writer.is_live:
                return writer
            self._let_go(run_id)
        found = self._place.index.get(run_id)
        if found is None or found.folder is None:
            return None
        writer = self._place.writers[run_id] = RunWriter(found.folder, found.experiment)
        return writer

    def history(self, run: IndexedRun, metric: str) -> list[LoggedPoint]:
        """The points of a run with a metric, in the order of time."""
        if run.folder is not None:
            return [*run_log_files.points_in(run.folder, metric)]
        if SERIES not in run.record.series:
            return []
        (content,) = self._project.repo.read_blobs([f"{run.experiment.id}:{RUN_FOLDER}/{SERIES}"], None)
        return [*run_log_files.points_of([BytesIO(content or b"")], metric)]

    def last_values(self, run: IndexedRun) -> dict[str, LastValue]:
        """The last value of each metric of a live run."""
        last: dict[str, LastValue] = {}
        if run.folder is not None:
            for point in run_log_files.points_in(run.folder):
                run_log_files.take_in(last, point)
        return last

    # -- writing ----------------------------------------------------------------------------------

    def begin(self, name: str, known: Mapping[str, Any], said: Mapping[str, Any], parent: str = "") -> str:
        """Begin a run, and give its id: the run of `gitexp run` if nobody has it yet, else a new run.

        `known` is for the record's `mlflow`, `said` the first line of facts.
        """
        folder = self._claimed()
        if folder is not None:
            experiment = self._project.store.require(os.environ[NAME])
            run_id = derived_id(experiment.record)
            writer = RunWriter(folder, experiment)
        else:
            own = self._own_run(name, parent)
            experiment = own.experiment
            run_id = uuid.uuid4().hex
            writer = RunWriter(own.folder, experiment, own)
        self._place.writers[run_id] = writer
        writer.log.say_fact("mlflow", {"run": run_id, **known})
        run = {"name": name or experiment.name, **said.get("run", {})}
        tags = {"mlflow.runName": run["name"], **said.get("tags", {}), "gitexp.name": experiment.name}
        writer.say(**{**said, "run": run, "tags": tags})
        return run_id

    def _claimed(self) -> Path | None:
        """The folder `logged/` of the run of `gitexp run` around this process, for the first caller only."""
        live_folder = Path(os.environ.get(RUN, ""))
        if not live_folder.name or live_folder.parent.resolve() != self._project.local.runs.resolve():
            return None
        folder = live_folder / LOGGED
        if not live_folder.is_dir() or run_log_files.claim_in(folder):
            return None
        folder.mkdir(exist_ok=True)
        try:
            (folder / _CLAIMED).touch(exist_ok=False)
        except FileExistsError:
            return None
        return folder

    def _own_run(self, name: str, parent: str) -> OwnRun:
        template = _NO_NAME.sub("-", name).strip("-._")
        above: str | None = parent
        if not parent:
            above = None if Path(os.environ.get(RUN, "")).is_dir() else ""
        project = self._project.reopened()
        try:
            return OwnRun("", "", above, template=template, project=project)
        except errors.InvalidName:  # nothing of the name is left
            return OwnRun("", "", above, project=project)

    def write(self, run_id: str, said: Mapping[str, Any], points: Sequence[MetricPoint] = ()) -> None:
        """Write facts and points: into the folder of a live run, else as a further record."""
        writer = self.writer(run_id)
        if writer is not None:
            if said:
                writer.say(**said)
            for point in points:
                writer.log.series.log(point.values, point.step, point.time / 1000)
            if params := said.get("params"):
                writer.log.say_fact("params", plain_params(params))
        if writer is None or not self.is_in_time(run_id, writer):
            ended = self.require_ended(run_id).experiment
            late_additions.add(self._project, ended, LateAdditions(said, points))

    def know(self, run_id: str, known: Mapping[str, Any], said: Mapping[str, Any]) -> None:
        """Change the facts about MLflow in the record itself, and write facts."""
        writer = self.writer(run_id)
        if writer is not None:
            writer.log.say_fact("mlflow", dict(known))
            writer.say(**said)
        if writer is None or not self.is_in_time(run_id, writer):
            ended = self.require_ended(run_id).experiment
            late_additions.add(self._project, ended, LateAdditions(said, known=known))

    def is_in_time(self, run_id: str, writer: RunWriter) -> bool:
        """Whether the record will have the lines just written; if not, the run has ended on return.

        Another process may be storing the run at this moment. Raises still-running after a long wait.
        """
        until = time.monotonic() + _PATIENCE
        if writer.is_in_time:
            return True
        while writer.is_live:
            if time.monotonic() > until:
                name = self.require(run_id).experiment.name
                raise errors.ExperimentError(
                    f"{name} is just being stored.", "Try it again in a moment.", code="still-running"
                )
            time.sleep(_INTERVAL)
        self._let_go(run_id)
        return False

    def require_ended(self, run_id: str) -> IndexedRun:
        """The run, which has ended; raises still-running for one that goes on elsewhere."""
        run = self.require(run_id)
        if not run.record.status.ended:
            raise errors.ExperimentError(
                f"{run.experiment.name} goes on where this machine cannot write to it.",
                "Wait for its end: gitexp show tells.",
                code="still-running",
            )
        return run

    # -- the end ----------------------------------------------------------------------------------

    def end(self, run_id: str, status: str, end_time: int) -> IndexedRun:
        """End a live run; the run then. A run of `gitexp run` goes on until its command ends."""
        writer = self.writer(run_id)
        assert writer is not None  # the caller has asked
        run = self.require(run_id)
        last = {name: value.as_json() for name, value in self.last_values(run).items()}
        writer.say(run={"status": status, "end": end_time}, last=last)
        writer.log.say_fact("mlflow", {"end": end_time})
        self._tell_record(writer)
        if writer.own is not None:
            self._place.writers.pop(run_id, None)
            writer.close()
            ended = writer.own.end(_EXIT_CODES[status], interrupted=status == KILLED)
            if run.facts.run.get("lifecycle") != "deleted":
                return self._place.index.ended(ended)
        elif run.record.process is not None and not self._is_of_command(run):
            writer.close()
            self._end_elsewhere(run, status)
        if run.facts.run.get("lifecycle") == "deleted":
            self.remove(run_id)
        return self.require(run_id)

    def _tell_record(self, writer: RunWriter) -> None:
        """Copy MLflow's tags to gitexp's own note and tags."""
        tags = run_log_files.facts_in(writer.folder).tags
        if note := tags.get(NOTE):
            writer.log.say_fact("note", [note])
        if labels := labels_of(tags):
            writer.log.say_fact("tags", labels)

    @staticmethod
    def _is_of_command(run: IndexedRun) -> bool:
        """Whether `gitexp run` has begun the run, and ends the run itself."""
        return run.folder is not None and (run.folder / _CLAIMED).exists()

    def _end_elsewhere(self, run: IndexedRun, status: str) -> None:
        """End a run of another process; the process goes on."""
        project = self._project
        with project.local.lock(f"mlflow-{run.run_id}"):
            state = _state_of(project, run.experiment.name)
            experiment = project.store.get(run.experiment.name)
            if state is None or not isinstance(experiment, Experiment) or experiment.record.status.ended:
                return
            duration = round(time.time() - state.started, 3)
            state = state._replace(
                exit_code=_EXIT_CODES[status], interrupted=status == KILLED, duration=duration
            )
            state.give_back_reserve()
            finish(project, state, experiment)

    def _let_go(self, run_id: str) -> None:
        """Forget the writer of a run ended by another process."""
        writer = self._place.writers.pop(run_id)
        writer.close()
        if writer.own is not None:
            writer.own.let_go()

    # -- removed, and back ------------------------------------------------------------------------

    def remove(self, run_id: str) -> None:
        """Put a run into the trash; a live run gets a mark, and goes to the trash at its end."""
        run = self.require(run_id)
        if run.ref.startswith(trash.PREFIX):
            return
        if not run.record.status.ended:
            self.write(run_id, {"run": {"lifecycle": "deleted"}})
            return
        remove.remove(self._project, [run.experiment])

    def restore(self, run_id: str) -> None:
        """Bring a run back from the trash."""
        run = self.require(run_id)
        if run.ref.startswith(trash.PREFIX):
            self._require_newest(run)
            restore.restore(self._project, run.experiment.name)
            if run.facts.run.get("lifecycle") != "deleted":
                return
        self.write(run_id, {"run": {"lifecycle": "active"}})

    def _require_newest(self, run: IndexedRun) -> None:
        """Raise ChangedMeanwhile if the trash has a later run of the name."""
        newest = restore.in_trash(self._project, run.experiment.name)
        if newest.ref != run.ref:
            raise errors.ExperimentError(
                f"A later run called {run.experiment.name} was removed, too.",
                "gitexp restore --list shows what is there.",
                code="changed-meanwhile",
            )


def _state_of(project: Project, name: str) -> RunState | None:
    for state in live.live_runs(project.local):
        if state.name == name:
            return state
    return None
