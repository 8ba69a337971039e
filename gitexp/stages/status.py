"""The state of the workspace before a run: stages that are up to date or would run, and changed data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitexp import errors, files
from gitexp.datasets import lock_file
from gitexp.datasets.changes import FileChanges, changed_here
from gitexp.datasets.workspace import DataState, WorkspaceData
from gitexp.objects import paths
from gitexp.objects.stat_cache import StatCache
from gitexp.pipeline.lock import Lock
from gitexp.pipeline.stage import ReadFile, Stage
from gitexp.pipeline.state import Reason, StageResult, StageSelection, StageState, Why, sentence
from gitexp.project import params
from gitexp.project.hydra import hydra_params
from gitexp.project.project import Project, read_inside
from gitexp.stages import dvc_runs
from gitexp.stages import plan as stages
from gitexp.stages.cache import StageCache
from gitexp.stages.foresight import Availability, Foresight, Supply
from gitexp.stages.judge import Decision, Judge
from gitexp.stages.plan import StagePlan


@dataclass(frozen=True, slots=True)
class WorkspaceStatus:
    """The stages of a pipeline, data and large results before a run.

    Attributes:
        stages: the future results of the stages, in the order of a run.
        data: the state of the data in gitexp.yaml, by path.
        large: the state of results too large for Git, by path.
        notes: sentences about settings without effect, and about a silent data remote.
        files: by path of a changed data folder, the differing files, if known.
    """

    stages: Sequence[StageResult]
    data: Mapping[str, DataState]
    large: Mapping[str, DataState] = field(default_factory=dict)
    notes: Sequence[str] = ()
    files: Mapping[str, FileChanges] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The status in the form of `--json`."""
        data = []
        for path, state in self.data.items():
            entry: dict[str, Any] = {"path": path, "state": str(state)}
            if path in self.files:
                entry["files"] = self.files[path].as_json()
            data.append(entry)
        return {
            "stages": [{"name": stage.name, **stage.as_json()} for stage in self.stages],
            "data": data,
            "large": [{"path": path, "state": str(state)} for path, state in self.large.items()],
        }


def status(
    project: Project,
    selection: StageSelection | None = None,
    overrides: Sequence[str] | None = None,
    *,
    ask_servers: bool = False,
) -> WorkspaceStatus:
    """The status of the selected stages (default: all) and of the data. Nothing runs, nothing changes.

    `overrides` are changes of params, like those of `-S`; None: the params files count as they stand, and
    Hydra is not asked. A data remote on a server is asked only with `ask_servers`. Raises ConfigError,
    ParseError, LockError, UnknownStage, UnknownParam or OverrideError.
    """
    root = project.repo.root
    lock = lock_file.read(root, project.config)
    has_modes = project.repo.has_modes
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
            standing = Foresight(root, cache, read_file, has_modes, supply.manifest, supply.content)
            outlook = _Outlook(project, plan, lock, standing, supply)
            found, brought = outlook.results(), outlook.brought
            notes += plan.pipeline.notes
        if supply.silent is not None:
            notes.append(f"what the data remote {supply.remote} has is not known: {supply.silent.message}")
        there = WorkspaceData(root, cache, has_modes)
        data, differing = dict[str, DataState](), dict[str, FileChanges]()
        for path in project.config.data:
            locked = lock.data.get(path)
            if path in brought:
                data[path] = DataState.RESTORABLE
            else:
                data[path] = there.state(path, locked)
            if locked is not None and data[path] is DataState.CHANGED:
                files_changed = changed_here(project, there, locked)
                if files_changed is not None:
                    differing[path] = files_changed
        large = {path: there.state(path, locked) for path, locked in lock.outs.items()}
    return WorkspaceStatus(found, data, large, notes, differing)


def _read_with(project: Project, overrides: Sequence[str] | None) -> ReadFile:
    """A function that reads params files with some changes made."""
    root = project.repo.root
    if overrides is None or (not overrides and project.config.hydra is None):
        return lambda name: read_inside(root, name)
    composed = hydra_params.compose(project, (), project.folder, overrides)
    parsed = list(map(files.parse_override, composed.overrides))
    contents = params.prepare(
        project, parsed, (), written_later=(), workspace=root, composed=composed.contents
    ).contents

    def read_changed(name: str) -> bytes | None:
        if name in contents:
            return contents[name]
        return read_inside(root, name)

    return read_changed


class _Outlook:
    """The future of a plan, stage after stage.

    The content of a restorable out is known, so the outlook goes on below. `brought` are paths of artifacts
    that a run would bring first; no stage of the plan makes them.
    """

    def __init__(
        self, project: Project, plan: StagePlan, lock: Lock, standing: Foresight, supply: Supply
    ) -> None:
        self._project = project
        self._plan = plan
        self._lock = lock
        self._standing = standing
        self._supply = supply
        dvc = dvc_runs.beside(project.repo.root, project.config.folder, standing, supply.dvc)
        self._judge = Judge(standing, StageCache(project), force=plan.selection.force, dvc=dvc)
        self.brought: set[str] = set()
        for artifact in stages.absent_inputs(project, project.repo.root, plan, lock):
            if supply.availability([artifact]) is not Availability.NOWHERE:
                standing.expect([artifact])
                self.brought.add(artifact.path)

    def results(self) -> list[StageResult]:
        """The future result of each stage, in the order of a run."""
        return list(map(self._result, self._plan.stages))

    def _result(self, stage: Stage) -> StageResult:
        open_above = self._open_above(stage)
        try:
            self._require_inputs(stage)
            decision = self._judge.decide(stage, self._lock, is_open=self._standing.is_open)
        except errors.GitexpError as error:
            return self._not_run(stage, error.message.rstrip("."))
        if not open_above:
            if not decision.reasons and stage.frozen:
                return StageResult(stage.name, StageState.FROZEN)
            if not decision.reasons:
                return StageResult(stage.name, StageState.UP_TO_DATE)
            if (restored := self._restored(decision)) is not None:
                return restored
        if stage.frozen:
            return self._not_run(stage, f"it is frozen, and {sentence(decision.reasons)}")
        self._standing.leave_open(stage.out_paths)
        reasons = list(decision.reasons)
        if not any(reason.why in (Why.ALWAYS, Why.FORCED) for reason in reasons):
            reasons += [Reason(Why.ABOVE, name) for name in open_above]
        return StageResult(stage.name, StageState.CHANGED, tuple(reasons))

    def _restored(self, decision: Decision) -> StageResult | None:
        for earlier in self._judge.earlier(decision):
            outs = earlier.stage.outs
            source = self._supply.availability(outs)
            if source is Availability.NOWHERE:
                continue
            self._standing.expect(outs)
            return StageResult(
                decision.stage.name,
                StageState.RESTORABLE,
                decision.reasons,
                earlier.experiment,
                remote="" if source is Availability.STORE else self._supply.remote,
                sure=source is not Availability.PERHAPS,
            )
        return None

    def _not_run(self, stage: Stage, why: str) -> StageResult:
        self._standing.leave_open(stage.out_paths)
        return StageResult(stage.name, StageState.NOT_RUN, error=why)

    def _open_above(self, stage: Stage) -> list[str]:
        """The stages above a stage that write inputs with an unknown future content."""
        if stage.frozen:
            return []
        unknown = [path for path in stage.reads if self._standing.is_open(path)]
        if not unknown:
            return []
        graph = self._plan.graph
        found = []
        for name in graph.above(stage.name):
            if any(paths.overlaps_any(out, unknown) for out in graph.stages[name].out_paths):
                found.append(name)
        return found

    def _require_inputs(self, stage: Stage) -> None:
        """Raise MissingDep for an input that a run would not bring: the run would refuse."""
        if stage.frozen:
            return
        for path in stage.deps:
            if not self._standing.is_open(path) and self._standing.artifact(path, read_only=True) is None:
                raise stages.missing_dep(self._project.repo.root, self._plan, stage, path, self._project)
