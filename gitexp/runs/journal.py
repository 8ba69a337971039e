"""A run of stages in place of a command, and its journal: what is known of the run by now, kept on disk."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gitexp.datasets import lock_file
from gitexp.model import Artifact
from gitexp.pipeline.lock import Lock, write_lock
from gitexp.pipeline.stage import Stage
from gitexp.pipeline.state import StageResult
from gitexp.process.execute import Outcome
from gitexp.process.liveness import is_alive, process_of
from gitexp.process.log import LogFile
from gitexp.project.project import Project
from gitexp.repo.experiments import KEPT, RUN_FOLDER
from gitexp.repo.git import snapshot
from gitexp.repo.live import LiveRun, stamp
from gitexp.runs import notes
from gitexp.runs.notes import StageNote
from gitexp.runs.prepare import Start
from gitexp.runs.request import RunRequest
from gitexp.stages.commands import Site
from gitexp.stages.execute import StageListener, StageTask, run_stages


def carry_out(
    project: Project,
    request: RunRequest,
    start: Start,
    live: LiveRun,
    environment: Mapping[str, str],
    log: LogFile,
) -> tuple[Outcome, Sequence[StageResult], LiveRun]:
    """The outcome of a start's stages, the result of each stage, and the run as it is known by then.

    Raises the errors of `run_stages`; the run is saved before.
    """
    assert start.plan is not None  # else a command would run
    journal = RunJournal(live, start)
    site = Site(
        root=start.workspace.root,
        environment=environment,
        log=log,
        logs=live.stage_logs,
        stdout=request.stdout,
        stderr=request.stderr,
        on_child=journal.child_started,
    )
    listener = request.listener or StageListener()
    task = StageTask(project, start.code, start.plan, site, journal, listener)
    try:
        outcome, results = run_stages(task)
    except BaseException:
        with contextlib.suppress(OSError):
            journal.run.save()
        raise
    return outcome, results, journal.run


class RunJournal:
    """The `Journal` of stages in the folder of a live run. `run` is the run as it is known by now."""

    def __init__(self, run: LiveRun, start: Start) -> None:
        self.run = run
        self._root = start.workspace.root
        self._config = start.code.config
        self._notes: dict[str, StageNote] = {}
        self._aside: dict[str, Artifact] = {}

    def child_started(self, pid: int) -> None:
        """Write down a command's process beside those that are alive."""
        with contextlib.suppress(OSError):
            known = (*self.run.others, self.run.child)
            others = tuple(child for child in known if child is not None and is_alive(child))
            self.run = self.run.updated(child=process_of(pid), others=others)

    def lock_changed(self, lock: Lock) -> None:
        if lock != Lock():
            self.run.put(self.run.lock, write_lock(lock, self._config.folder))

    def outs_right(self, stage: Stage) -> None:
        in_git, stored = [lock_file.path_of(self._config)], list[str]()
        for out in stage.outs:
            (in_git if out.in_git else stored).append(out.path)
        note = StageNote(stage.name, {}, in_git, stored)
        self._notes[stage.name] = note
        self.run = note.applied(self.run)

    def set_aside(self, artifact: Artifact) -> None:
        self._aside[artifact.path] = artifact
        self.run.put(self.run.kept, write_lock(Lock(data=self._aside), f"{RUN_FOLDER}/{KEPT}"))

    def stage_ended(self, result: StageResult, put_back: Sequence[str]) -> None:
        self._not_results(put_back)
        note = self._notes.get(result.name, StageNote(result.name, {}))
        notes.write(self.run, replace(note, result=result.as_json()))

    def _not_results(self, put_back: Sequence[str]) -> None:
        """Stamp files that were put back, so that they do not count as written by this run."""
        if not put_back:
            return
        stamps = stamp(self._root, snapshot.files_below(self._root, put_back))
        if not stamps:
            return
        self.run = replace(self.run, stamps={**self.run.stamps, **stamps})
        for name, note in self._notes.items():
            in_git = [path for path in note.in_git if path not in put_back]
            self._notes[name] = replace(note, in_git=in_git)
        with contextlib.suppress(OSError):
            self.run.save()
