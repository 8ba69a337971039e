"""The stages of a run in place of a command: where they run, and what of them is the run's own result."""

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
from gitexp.project.project import Project, read
from gitexp.repo.experiments import KEPT, RUN_FOLDER
from gitexp.repo.git import snapshot
from gitexp.repo.live import LiveRun, stamp
from gitexp.runs import notes
from gitexp.runs.notes import StageNote
from gitexp.runs.prepare import Start
from gitexp.runs.request import RunRequest
from gitexp.stages.commands import Site
from gitexp.stages.execute import StageListener, Task, run_stages


def carry_out(
    project: Project,
    request: RunRequest,
    start: Start,
    live: LiveRun,
    environment: Mapping[str, str],
    log: LogFile,
) -> tuple[Outcome, Sequence[StageResult], LiveRun]:
    """Run the stages of a start to their end; return how they ended, and what is known of the run by then.

    Raises what `run_stages` raises; then too what is known by then is written down.
    """
    assert start.plan is not None  # else a command would run
    state, root = live, start.workspace.root
    listener = request.listener or StageListener()
    kept: dict[str, StageNote] = {}

    def keep(stage: Stage) -> None:
        """What a stage has written is this run's result from now on, whenever it was written."""
        nonlocal state
        in_git = [lock_file.path_of(start.code.config), *(out.path for out in stage.outs if out.in_git)]
        stored = [out.path for out in stage.outs if not out.in_git]
        kept[stage.name] = StageNote(stage.name, {}, in_git, stored)
        state = kept[stage.name].applied(state)

    def as_before(outs: Sequence[str]) -> None:
        """What was put back is nobody's result, though it was written just now."""
        nonlocal state
        stamps = stamp(root, snapshot.files_below(root, outs)) if outs else {}
        if stamps:
            state = replace(state, stamps={**state.stamps, **stamps})
            for name, note in kept.items():
                kept[name] = replace(note, in_git=[path for path in note.in_git if path not in outs])
            with contextlib.suppress(OSError):
                state.save()

    aside: dict[str, Artifact] = {}

    def keep_aside(artifact: Artifact) -> None:
        """Have the experiment name it, so that gc leaves it."""
        aside[artifact.path] = artifact
        live.put(live.kept, write_lock(Lock(data=aside), f"{RUN_FOLDER}/{KEPT}"))

    def locked(lock: Lock) -> None:
        if lock != Lock():
            live.put(live.lock, write_lock(lock, start.code.config.folder))

    def ends(result: StageResult, at: int, of: int) -> None:
        note = kept.get(result.name, StageNote(result.name, {}))
        notes.write(state, replace(note, result=result.as_json()))
        listener.ends(result, at, of)

    def remember(pid: int) -> None:
        nonlocal state
        with contextlib.suppress(OSError):
            before = (*state.others, state.child)
            others = tuple(child for child in before if child is not None and is_alive(child))
            state = state.updated(child=process_of(pid), others=others)

    site = Site(root, environment, log, live.stage_logs, request.stdout, request.stderr, remember)
    told = StageListener(listener.begins, ends)
    task = Task(
        project=project,
        code=start.code,
        plan=start.plan,
        site=site,
        read_file=lambda name: read(root / name),
        keep=keep,
        as_before=as_before,
        keep_aside=keep_aside,
        locked=locked,
        listener=told,
    )
    try:
        outcome, results = run_stages(task)
    except BaseException:
        with contextlib.suppress(OSError):
            state.save()
        raise
    return outcome, results, state
