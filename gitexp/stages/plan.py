"""The plan of a run of stages: the stages in order, with inputs that are all there or can be brought.

Refused here is all that would fail later and can be known before: unknown stages, outs that Git tracks, outs
behind a link, params that no file has, deps that no stage makes.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.datasets import lock_file
from gitexp.datasets.bring import Restorer
from gitexp.model import Artifact, paths_of
from gitexp.objects import paths
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.graph import Graph
from gitexp.pipeline.key import sorted_contents
from gitexp.pipeline.lock import Lock, LockedStage
from gitexp.pipeline.stage import Pipeline, ReadFile, Stage
from gitexp.pipeline.state import StageSelection
from gitexp.project import ignore
from gitexp.project.hydra import hydra_app
from gitexp.project.project import Project
from gitexp.repo.git import indexes
from gitexp.stages.foresight import Foresight
from gitexp.stages.stage_data import StageData
from gitexp.words import shorten


@dataclass(frozen=True, slots=True)
class StagePlan:
    """The stages of a run, in order.

    Attributes:
        pipeline: all stages, also stages outside the plan.
        stages: the stages of the run; any of them may turn out to be up to date.
        bring: inputs that the workspace lacks and the store has.
        at_start: by stage, the inputs from outside the plan at the start of the run. A frozen stage has no
            entry: it never runs.
        warnings: sentences for the user.
    """

    pipeline: Pipeline
    graph: Graph
    selection: StageSelection
    stages: tuple[Stage, ...]
    bring: tuple[Artifact, ...] = ()
    at_start: Mapping[str, LockedStage] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def argv(self) -> tuple[str, ...]:
        return self.selection.argv

    @property
    def text(self) -> str:
        """The command for the stages of the plan, for a shell."""
        return shlex.join(self.argv)

    @property
    def names(self) -> set[str]:
        """The names of the plan's stages."""
        return {stage.name for stage in self.stages}

    @property
    def made(self) -> set[str]:
        """The paths of the plan's outs."""
        return set(chain.from_iterable(stage.out_paths for stage in self.stages))

    @property
    def inputs(self) -> list[tuple[str, str, bool]]:
        """The content of all inputs from outside the plan: sorted, and only to be compared."""
        deps = set(chain.from_iterable(stage.deps for stage in self.at_start.values()))
        return sorted(set(sorted_contents(deps)))

    def outside(self, stage: Stage) -> Stage:
        """A stage with only the inputs that no stage of the plan makes."""
        made = list[str]()
        for name in self.graph.above(stage.name):
            if name in self.names:
                made += self.graph.stages[name].out_paths
        return stage.without(lambda path: paths.overlaps_any(path, made))

    @property
    def in_git(self) -> tuple[str, ...]:
        """The paths of outs in the experiment's tree, also of stages outside the plan."""
        return tuple(chain.from_iterable(stage.in_git for stage in self.pipeline.stages))

    def results(self, code: Project) -> tuple[str, ...]:
        """The files that a run writes and Git stores: outs, and the lock."""
        return (*self.in_git, lock_file.path_of(code.config))

    @property
    def in_store(self) -> tuple[str, ...]:
        """The paths of outs in the object store alone, also of stages outside the plan."""
        return tuple(chain.from_iterable(stage.in_store for stage in self.pipeline.stages))

    def complete(
        self, project: Project, code: Project, root: Path, read_file: ReadFile, written: Mapping[str, bytes]
    ) -> StagePlan:
        """The plan with its inputs, and with the artifacts to be brought into the workspace at `root`.

        `written` are files to be written before the stages begin. Raises TrackedOut, UnsafePath,
        UnknownParam, LockError, UnstorableData; MissingDep for an input out of reach.
        """
        _refuse_tracked(code, (*self.in_store, *code.config.data))
        _refuse_links(root, self.stages)
        lock = lock_file.read(root, code.config)
        with StatCache(project.local.stat_cache) as cache:
            standing = _foresight(project, root, cache, read_file, written)
            bring = absent_inputs(code, root, self, lock)
            brought = paths_of(bring)
            outside = [self.outside(stage) for stage in self.stages if not stage.frozen]
            for stage in outside:
                for path in stage.deps:
                    is_there = standing.artifact(path, read_only=True) is not None
                    if not is_there and not paths.overlaps_any(path, brought):
                        raise missing_dep(root, self, stage, path, project)
                if not any(paths.overlaps_any(params.file, brought) for params in stage.params):
                    standing.params(stage)
            for gone in Restorer(project, root, cache).absent(bring):
                reader = next(stage for stage, path in _reads(self) if paths.overlap(gone.path, path))
                raise missing_dep(root, self, reader, gone.path, project)
            standing.expect((*bring, *_as_written(standing, written)))
            at_start = {stage.name: standing.inputs(stage) for stage in outside}
        return replace(self, bring=bring, at_start=at_start, warnings=_warnings(code, self, lock))


def choose(code: Project, selection: StageSelection, read_file: ReadFile) -> StagePlan:
    """The plan from gitexp.yaml or dvc.yaml alone. `read_file` gives params files.

    Raises ConfigError, ParseError or UnknownStage.
    """
    pipeline = code.pipeline(read_file)
    assert pipeline is not None  # the caller has seen stages in the config
    graph = Graph(pipeline)
    stages = graph.select(selection.names, single=selection.single, downstream=selection.downstream)
    return StagePlan(pipeline, graph, selection, tuple(stages))


def _refuse_tracked(code: Project, outs: Sequence[str]) -> None:
    tracked = list(indexes.files(code.repo, code.repo.index, outs))
    if not tracked:
        return
    tops = [out for out in outs if paths.is_any_in(tracked, out)]
    raise errors.DataError(
        f"Git tracks {shorten(tracked)}, which belongs in the object store.",
        f"git rm -r --cached -- {code.typed(*tops[:3])}, and commit that; or say cache: false of it.",
        code="tracked-out",
    )


def _refuse_links(root: Path, stages: Iterable[Stage]) -> None:
    """Raise UnsafePath for an out behind a link: it would be written somewhere else."""
    for stage in stages:
        for out in stage.outs:
            if (link := paths.foreign_parent(str(root), out.path)) is not None:
                raise errors.UnsafePath(
                    f"The out {out.path} of the stage {stage.name} lies behind {link}, which is a link.",
                    "Name the path without links.",
                )


def absent_inputs(code: Project, root: Path, plan: StagePlan, lock: Lock) -> tuple[Artifact, ...]:
    """The inputs that the workspace lacks, the lock knows, and no stage of the plan makes."""
    outside = {*code.config.data, *plan.in_git, *plan.in_store} - plan.made
    absent = []
    for artifact in lock.artifacts:
        if artifact.path in outside and not _is_there(root, artifact.path):
            absent.append(artifact)
    if not absent:
        return ()
    read = [path for _, path in _reads(plan)]
    return tuple(each for each in absent if paths.overlaps_any(each.path, read))


def _warnings(code: Project, plan: StagePlan, lock: Lock) -> tuple[str, ...]:
    """Sentences for the user, each given once: before the first run of the stages concerned."""
    notes: Sequence[str] = ()
    if not any(stage.name in lock.stages for stage in plan.pipeline.stages):
        notes = plan.pipeline.notes
    new, together = list[str](), list[str]()
    for stage in plan.stages:
        if stage.name not in lock.stages:
            new += stage.in_store
            if any(hydra_app.has_jobs(line, code.repo.root / stage.wdir) for line in stage.commands):
                together.append(
                    f"all jobs of Hydra in stage {stage.name} are one experiment; "
                    "gitexp run -- CMD -m makes each job an experiment"
                )
    return (*notes, *together, *ignore.advice(code.repo, new))


def _reads(plan: StagePlan) -> Iterator[tuple[Stage, str]]:
    """Each stage that may run, with each path of its deps."""
    for stage in plan.stages:
        if not stage.frozen:
            for path in stage.deps:
                yield stage, path


def _foresight(
    project: Project, root: Path, cache: StatCache, read_file: ReadFile, written: Mapping[str, bytes]
) -> Foresight:
    store = ObjectStore(project.local.objects)
    texts = {hashlib.sha256(data).hexdigest(): data for data in written.values()}

    def content(hash_: str) -> bytes | None:
        if hash_ in texts:
            return texts[hash_]
        return store.read(hash_)

    return Foresight(root, cache, read_file, project.repo.has_modes, store.manifest, content)


def _as_written(standing: StageData, written: Mapping[str, bytes]) -> Iterator[Artifact]:
    """Files with their content at the start of the stages."""
    for path, data in written.items():
        if (found := standing.artifact(path)) is not None:
            yield found._replace(hash=hashlib.sha256(data).hexdigest(), size=len(data))


def _is_there(root: Path, path: str) -> bool:
    return os.path.lexists(root / path)


def missing_dep(root: Path, plan: StagePlan, stage: Stage, path: str, project: Project) -> errors.DataError:
    """The error for an input out of reach for the plan.

    `root` is the workspace of the run; `project` has the user's own.
    """
    maker = plan.graph.maker_of(path)
    if maker is not None:
        return errors.DataError(
            f"The stage {stage.name} reads {path}, which is not there: the stage {maker.name} makes it.",
            f"Run that too: gitexp run {maker.name} {stage.name}",
            code="missing-dep",
        )
    hint = "Put it there, or correct the deps; data that gitexp knows comes with: gitexp data pull"
    if root.resolve() != project.repo.root.resolve() and _is_there(project.repo.root, path):
        hint = (
            "In your workspace it is, and Git does not have it. "
            f"Store it: gitexp add {project.typed(path)}; or "
            "have isolated runs use it from there: share: in gitexp.yaml."
        )
    for each in (path, *map(str, PurePosixPath(path).parents[:-1])):
        if (root / f"{each}.dvc").is_file():
            hint = (
                f"It is under DVC: dvc pull {each}.dvc brings it; where it is, gitexp add {each} has gitexp "
                "bring it from then on, into isolated runs too."
            )
            break
    return errors.DataError(
        f"The stage {stage.name} reads {path}, which is not there, and no stage makes it.",
        hint,
        code="missing-dep",
    )


def up_to(lock: Lock, pipeline: Pipeline) -> Lock:
    """A lock with only the stages of the pipeline."""
    stages = {}
    for stage in pipeline.stages:
        if stage.name in lock.stages:
            stages[stage.name] = lock.stages[stage.name]
    if len(stages) == len(lock.stages):
        return lock
    return lock._replace(stages=stages)
