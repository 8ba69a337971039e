"""What a run would find and do: which stages are up to date, why others are not, which data has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from gitexp import errors, files
from gitexp.datasets import lock_file
from gitexp.datasets.changes import FileChanges, changed_here
from gitexp.datasets.workspace import WorkspaceData
from gitexp.model import Artifact
from gitexp.objects import paths
from gitexp.objects.stat_cache import StatCache
from gitexp.pipeline.lock import Lock
from gitexp.pipeline.stage import ReadFile, Stage
from gitexp.pipeline.state import Reason, StageResult, StageSelection, StageState, Why, sentence
from gitexp.project import params
from gitexp.project.project import Project, read
from gitexp.stages import plan as stages
from gitexp.stages.cache import StageCache
from gitexp.stages.foresight import Foresight, Origin, Supply
from gitexp.stages.judge import Decision, Judge
from gitexp.stages.plan import StagePlan


class DataState(StrEnum):
    """Whether data is as the lock has it."""

    UP_TO_DATE = "up to date"
    CHANGED = "changed"
    MISSING = "missing"
    RESTORABLE = "restorable"  # missing, and a run brings it
    NOT_ADDED = "not added"


@dataclass(frozen=True, slots=True)
class WorkspaceStatus:
    """The stages in the order of a run, the data that gitexp.yaml lists and the results that are too large
    for Git, both by path.

    `notes` are about what stands in the file of the stages and has no effect here. `files` are, of folders
    of data that have changed, the files that differ, where that is known.
    """

    stages: Sequence[StageResult]
    data: Mapping[str, DataState]
    large: Mapping[str, DataState] = field(default_factory=dict)
    notes: Sequence[str] = ()
    files: Mapping[str, FileChanges] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` has it."""
        return {
            "stages": [{"name": stage.name, **stage.as_json()} for stage in self.stages],
            "data": [
                {"path": path, "state": str(state)}
                | ({"files": self.files[path].as_json()} if path in self.files else {})
                for path, state in self.data.items()
            ],
            "large": [{"path": path, "state": str(state)} for path, state in self.large.items()],
        }


def status(
    project: Project,
    selection: StageSelection | None = None,
    overrides: Sequence[str] = (),
    *,
    ask_servers: bool = False,
) -> WorkspaceStatus:
    """Return what a run of the selected stages (default: all) would find and do; nothing is run or changed.

    `overrides` are what `-S` would change before. A data remote that is a server is asked for what is not on
    this machine only with `ask_servers`. Raises ConfigError, ParseError, LockError, UnknownStage,
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
    found: Sequence[StageResult] = ()
    notes: list[str] = []
    brought: set[str] = set()
    with StatCache(project.local.stat_cache) as cache, Supply(project, ask_servers=ask_servers) as supply:
        if plan is not None:
            standing = Foresight(
                root, cache, read_file, project.repo.has_modes, supply.manifest, supply.content
            )
            outlook = _Outlook(project, plan, lock, standing, supply)
            found, brought = outlook.results(), outlook.brought
            notes += plan.pipeline.notes
        if supply.silent is not None:
            notes.append(f"what the data remote {supply.remote} has is not known: {supply.silent.message}")
        there = WorkspaceData(root, cache, lambda name: None, project.repo.has_modes)
        data = {
            path: DataState.RESTORABLE if path in brought else _of_data(there, path, lock.data.get(path))
            for path in project.config.data
        }
        large = {path: _of_data(there, path, locked) for path, locked in lock.outs.items()}
        changed = [lock.data[path] for path, state in data.items() if state is DataState.CHANGED]
        compared = {locked.path: changed_here(project, cache, locked) for locked in changed}
    differing = {path: files for path, files in compared.items() if files is not None}
    return WorkspaceStatus(found, data, large, notes, differing)


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


class _Outlook:
    """What a run would do, stage after stage: of what it would restore, the content is known, and so
    whether what stands on it is up to date.

    `brought` are the paths of what it would bring first, which no stage of it makes.
    """

    def __init__(
        self, project: Project, plan: StagePlan, lock: Lock, standing: Foresight, supply: Supply
    ) -> None:
        self._project = project
        self._plan = plan
        self._lock = lock
        self._standing = standing
        self._supply = supply
        self._judge = Judge(standing, StageCache(project), force=plan.selection.force)
        absent = stages.absent_inputs(project, project.repo.root, plan, lock)
        bring = [each for each in absent if supply.source([each]) is not Origin.NOWHERE]
        standing.expect(bring)
        self.brought = {each.path for each in bring}

    def results(self) -> list[StageResult]:
        """Return what would become of each stage, in the order of a run."""
        return [self._result(stage) for stage in self._plan.stages]

    def _result(self, stage: Stage) -> StageResult:
        first = [] if stage.frozen else self._open_above(stage)
        try:
            self._require_inputs(stage)
            decision = self._judge.decide(stage, self._lock, is_open=self._standing.is_open)
        except errors.GitexpError as error:
            return self._not_run(stage, error.message.rstrip("."))
        if not decision.reasons and not first:
            return StageResult(stage.name, StageState.FROZEN if stage.frozen else StageState.UP_TO_DATE)
        if not first and (restored := self._restored(decision)) is not None:
            return restored
        if stage.frozen:
            return self._not_run(stage, f"it is frozen, and {sentence(decision.reasons)}")
        self._standing.leave_open(out.path for out in stage.outs)
        runs = any(reason.why in (Why.ALWAYS, Why.FORCED) for reason in decision.reasons)
        above = () if runs else tuple(Reason(Why.ABOVE, name) for name in first)
        return StageResult(stage.name, StageState.CHANGED, (*decision.reasons, *above))

    def _restored(self, decision: Decision) -> StageResult | None:
        for before in self._judge.earlier(decision):
            source = self._supply.source(before.stage.outs)
            if source is not Origin.NOWHERE:
                self._standing.expect(before.stage.outs)
                return StageResult(
                    decision.stage.name,
                    StageState.RESTORABLE,
                    decision.reasons,
                    before.experiment,
                    remote="" if source is Origin.STORE else self._supply.remote,
                    sure=source is not Origin.PERHAPS,
                )
        return None

    def _not_run(self, stage: Stage, why: str) -> StageResult:
        self._standing.leave_open(out.path for out in stage.outs)
        return StageResult(stage.name, StageState.NOT_RUN, error=why)

    def _open_above(self, stage: Stage) -> list[str]:
        """Return the stages that write what this one reads, where nobody knows yet what that will be."""
        reads = (*stage.deps, *(params.file for params in stage.params))
        unknown = [path for path in reads if self._standing.is_open(path)]
        graph = self._plan.graph
        return [
            name
            for name in (graph.above(stage.name) if unknown else ())
            if any(paths.overlap(out.path, path) for out in graph.stages[name].outs for path in unknown)
        ]

    def _require_inputs(self, stage: Stage) -> None:
        """Raise MissingDep for what a stage reads and a run would not bring, so that it would refuse."""
        for path in () if stage.frozen else stage.deps:
            if not self._standing.is_open(path) and self._standing.artifact(path, read_only=True) is None:
                raise stages.missing_dep(self._project.repo.root, self._plan, stage, path, self._project)


def _of_data(standing: WorkspaceData, path: str, locked: Artifact | None) -> DataState:
    if locked is None:
        return DataState.NOT_ADDED
    if (now := standing.artifact(path)) is None:
        return DataState.MISSING
    return DataState.CHANGED if standing.differs(now, locked) else DataState.UP_TO_DATE
