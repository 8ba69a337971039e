"""A run of stages in place of a command, and its journal: what is known of the run by now, kept on disk."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gitexp.datasets import lock_file
from gitexp.model import Artifact
from gitexp.pipeline.lock import Lock, LockWriter, write_lock
from gitexp.pipeline.stage import Stage
from gitexp.pipeline.state import StageResult
from gitexp.process.execute import Outcome
from gitexp.process.liveness import is_alive, process_of
from gitexp.process.log import LogFile
from gitexp.repo.experiments import KEPT, RUN_FOLDER
from gitexp.repo.git.disk_files import files_below
from gitexp.repo.live import RunState, stamp
from gitexp.runs import notes
from gitexp.runs.begin import LiveRun
from gitexp.runs.notes import StageNote
from gitexp.runs.ready import Ready
from gitexp.stages.commands import Site
from gitexp.stages.execute import StageListener, StageTask, run_stages
from gitexp.stages.plan import StagePlan

if TYPE_CHECKING:
    from gitexp.process.guard import Guard


def carry_out(
    live: LiveRun, plan: StagePlan, environment: Mapping[str, str], log: LogFile, guard: Guard | None
) -> tuple[Outcome, Sequence[StageResult], RunState]:
    """The outcome of a run's stages, the result of each stage, and the state of the run by then.

    Raises the errors of `run_stages`; the run is saved before.
    """
    ready, request = live.ready, live.request
    journal = RunJournal(live.state, ready)
    site = Site(
        root=ready.workspace.root,
        environment=environment,
        log=log,
        logs=live.state.stage_logs,
        stdout=request.stdout,
        stderr=request.stderr,
        on_child=journal.child_started,
        guard=guard,
    )
    listener = request.listener or StageListener()
    task = StageTask(live.project, ready.code, plan, site, journal, listener)
    try:
        outcome, results = run_stages(task)
    except BaseException:
        with contextlib.suppress(OSError):
            journal.state.save()
        raise
    return outcome, results, journal.state


class RunJournal:
    """The `Journal` of stages in the folder of a live run; `state` follows the run."""

    def __init__(self, state: RunState, ready: Ready) -> None:
        self.state = state
        self._root = ready.workspace.root
        self._config = ready.code.config
        self._writer = LockWriter(ready.code.config.folder)
        self._notes: dict[str, StageNote] = {}
        self._aside: dict[str, Artifact] = {}

    def child_started(self, pid: int) -> None:
        """Write down a command's process beside those that are alive."""
        with contextlib.suppress(OSError):
            known = (*self.state.others, self.state.child)
            others = tuple(child for child in known if child is not None and is_alive(child))
            self.state = self.state.updated(child=process_of(pid), others=others)

    def lock_changed(self, lock: Lock) -> None:
        if lock != Lock():
            self.state.put(self.state.lock, self._writer.text(lock))

    def outs_right(self, stage: Stage) -> None:
        in_git = [lock_file.path_of(self._config), *stage.in_git]
        note = StageNote(stage.name, {}, in_git, stage.in_store)
        self._notes[stage.name] = note
        self.state = note.applied(self.state)

    def set_aside(self, artifact: Artifact) -> None:
        self._aside[artifact.path] = artifact
        self.state.put(self.state.kept, write_lock(Lock(data=self._aside), f"{RUN_FOLDER}/{KEPT}"))

    def stage_ended(self, result: StageResult, put_back: Sequence[str]) -> None:
        self._not_results(put_back)
        note = self._notes.get(result.name, StageNote(result.name, {}))
        notes.write(self.state, note._replace(result=result.as_json()))

    def _not_results(self, put_back: Sequence[str]) -> None:
        """Stamp files put back: they are no results of this run."""
        if not put_back:
            return
        stamps = stamp(self._root, files_below(self._root, put_back))
        if not stamps:
            return
        self.state = self.state._replace(stamps={**self.state.stamps, **stamps})
        for name, note in self._notes.items():
            in_git = [path for path in note.in_git if path not in put_back]
            self._notes[name] = note._replace(in_git=in_git)
        with contextlib.suppress(OSError):
            self.state.save()
