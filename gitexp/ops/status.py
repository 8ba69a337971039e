"""What a run would find: which stages are up to date, why others are not, and which data has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import errors, files
from gitexp.data.objects import ObjectStore
from gitexp.data.stat_cache import StatCache
from gitexp.model import Artifact
from gitexp.ops import lock_file, params, stages
from gitexp.ops.judge import Judge
from gitexp.ops.project import Project, read
from gitexp.ops.stage_cache import Before, StageCache
from gitexp.ops.stages import Plan
from gitexp.ops.standing import Standing
from gitexp.pipeline.lock import LOCK_FILE, Lock
from gitexp.pipeline.stage import ReadFile, Stage
from gitexp.pipeline.state import Reason, StageResult, StageSelection, State, Why


class DataState(StrEnum):
    """Whether data is as the lock has it."""

    UP_TO_DATE = "up to date"
    CHANGED = "changed"
    MISSING = "missing"
    NOT_ADDED = "not added"


@dataclass(frozen=True, slots=True)
class WorkspaceStatus:
    """The stages in the order of a run, and the data that gitexp.yaml lists, by path.

    `notes` are about what stands in the file of the stages and has no effect here.
    """

    stages: Sequence[StageResult]
    data: dict[str, DataState]
    notes: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` has it."""
        return {
            "stages": [{"name": stage.name, **stage.as_json()} for stage in self.stages],
            "data": [{"path": path, "state": str(state)} for path, state in self.data.items()],
        }


def status(
    project: Project, selection: StageSelection | None = None, overrides: Sequence[str] = ()
) -> WorkspaceStatus:
    """Return what a run of the selected stages (default: all) would find; nothing is run or changed.

    `overrides` are what `-S` would change before. Raises ConfigError, ParseError, LockError, UnknownStage,
    UnknownParam or OverrideError.
    """
    root = project.repo.root
    lock = lock_file.read(root, project.config)
    plan = None
    if project.config.pipeline_file is not None:
        read_file = _read_with(project, overrides)
        plan = stages.choose(project, selection or StageSelection(), read_file)
    elif selection is not None and selection.is_asked_for:
        raise errors.UsageError("There are no stages here.", "They stand under stages: in gitexp.yaml.")
    with StatCache(project.local.stat_cache) as cache:
        found = [] if plan is None else _of_stages(project, plan, lock, Standing(root, cache, read_file))
        standing = Standing(root, cache, lambda name: None)
        data = {path: _of_data(standing.artifact(path), lock.data.get(path)) for path in project.config.data}
    return WorkspaceStatus(found, data, () if plan is None else plan.pipeline.notes)


def _read_with(project: Project, overrides: Sequence[str]) -> ReadFile:
    """Return the function that reads params files as they would be with these changes."""
    root = project.repo.root
    if not overrides:
        return lambda name: read(root / name)
    parsed = [files.parse_override(text) for text in overrides]
    prepared = params.prepare(project, parsed, (), written_later=(), workspace=root)
    return partial(_read, root, prepared.contents)


def _read(root: Path, contents: Mapping[str, bytes], name: str) -> bytes | None:
    found = contents.get(name)
    return read(root / name) if found is None else found


def _of_stages(project: Project, plan: Plan, lock: Lock, standing: Standing) -> list[StageResult]:
    judge = Judge(standing, StageCache(project), force=plan.selection.force)
    store = ObjectStore(project.local.objects)
    results: dict[str, StageResult] = {}
    for stage in plan.stages:
        first = [name for name in plan.graph.above(stage.name) if _may_write(results.get(name))]
        results[stage.name] = _of_stage(judge, lock, stage, first, store)
    return list(results.values())


def _may_write(result: StageResult | None) -> bool:
    return result is not None and result.state not in (State.UP_TO_DATE, State.FROZEN)


def _of_stage(
    judge: Judge, lock: Lock, stage: Stage, first: Sequence[str], store: ObjectStore
) -> StageResult:
    try:
        decision = judge.decide(stage, lock)
    except errors.GitexpError as error:
        return StageResult(stage.name, State.NOT_RUN, error=error.message.rstrip("."))
    if first and not stage.frozen:
        why = (*decision.reasons, *(Reason(Why.ABOVE, name) for name in first))
        return StageResult(stage.name, State.CHANGED, why)
    if not decision.reasons:
        return StageResult(stage.name, State.FROZEN if stage.frozen else State.UP_TO_DATE)
    known = next((before for before in decision.before if _is_here(store, before)), None)
    source = None if known is None else known.experiment or LOCK_FILE
    return StageResult(stage.name, State.CHANGED, decision.reasons, source or "")


def _is_here(store: ObjectStore, before: Before) -> bool:
    try:
        return all(not store.missing(store.contents(out.hash)) for out in before.stage.outs)
    except errors.DataError:
        return False


def _of_data(now: Artifact | None, locked: Artifact | None) -> DataState:
    if locked is None:
        return DataState.NOT_ADDED
    if now is None:
        return DataState.MISSING
    return DataState.UP_TO_DATE if now.hash == locked.hash else DataState.CHANGED
