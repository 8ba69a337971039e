"""What a run of stages begins with: which ones, in what order, and that all they need can be had.

All that can be known before the first stage runs is refused here: unknown stages, outs that Git tracks or
that lie behind a link, params that no file has, deps that nothing makes.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from gitexp import errors
from gitexp.datasets import lock_file
from gitexp.datasets.bring import Restorer
from gitexp.datasets.workspace import WorkspaceData
from gitexp.model import Artifact
from gitexp.objects import paths
from gitexp.objects.stat_cache import StatCache
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.graph import Graph
from gitexp.pipeline.lock import Lock, LockedStage
from gitexp.pipeline.stage import Out, Pipeline, ReadFile, Stage
from gitexp.pipeline.state import StageSelection
from gitexp.project import ignore
from gitexp.project.project import Project
from gitexp.repo.git import indexes
from gitexp.stages.foresight import Foresight
from gitexp.words import shorten


@dataclass(frozen=True, slots=True)
class StagePlan:
    """The stages to be looked at, in the order of a run.

    `bring` are artifacts that they read, that are not in the workspace, and that the object store has.
    `at_start` is what each reads that none of them makes, as it was when the run began; of those that are
    not to run whatever has changed there is nothing.
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
        """The command that runs these stages, as a shell would take it."""
        return shlex.join(self.argv)

    @property
    def outs(self) -> list[Out]:
        """The outs of all stages of the pipeline, those that are not to run too."""
        return [out for stage in self.pipeline.stages for out in stage.outs]

    @property
    def made(self) -> set[str]:
        """The outs of the stages that are to run."""
        return {out.path for stage in self.stages for out in stage.outs}

    @property
    def inputs(self) -> list[tuple[str, str, bool]]:
        """What stands for the content of all that they read and none of them makes; only to be compared."""
        return sorted({(dep.path, *dep.content) for stage in self.at_start.values() for dep in stage.deps})

    def outside(self, stage: Stage) -> Stage:
        """Return a stage with those of its inputs that none of the stages makes."""
        planned = {each.name for each in self.stages}
        makers = [self.graph.stages[name] for name in self.graph.above(stage.name) if name in planned]
        made = [out.path for maker in makers for out in maker.outs]

        def is_made(path: str) -> bool:
            return any(paths.overlap(out, path) for out in made)

        return replace(
            stage,
            deps=tuple(dep for dep in stage.deps if not is_made(dep)),
            params=tuple(params for params in stage.params if not is_made(params.file)),
        )

    @property
    def in_git(self) -> tuple[str, ...]:
        """The outs that stand in the experiment's tree."""
        return tuple(out.path for out in self.outs if out.in_git)

    def results(self, code: Project) -> tuple[str, ...]:
        """Return the files that a run of it writes and that go into Git, the lock among them."""
        return (*self.in_git, lock_file.path_of(code.config))

    @property
    def in_store(self) -> tuple[str, ...]:
        """The outs that stand in the object store alone."""
        return tuple(out.path for out in self.outs if not out.in_git)


def choose(code: Project, selection: StageSelection, read_file: ReadFile) -> StagePlan:
    """Return the plan as far as gitexp.yaml (or dvc.yaml) tells; `read_file` gives params files.

    Raises ConfigError, ParseError or UnknownStage.
    """
    pipeline = code.pipeline(read_file)
    assert pipeline is not None  # the config has stages, or nobody would ask
    graph = Graph(pipeline)
    stages = graph.select(selection.names, single=selection.single, downstream=selection.downstream)
    return StagePlan(pipeline, graph, selection, tuple(stages))


def _refuse_tracked(code: Project, outs: Sequence[str]) -> None:
    if tracked := list(indexes.files(code.repo, code.repo.index, outs)):
        tops = [out for out in outs if any(paths.lies_in(path, out) for path in tracked)]
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


def complete(
    project: Project,
    code: Project,
    root: Path,
    plan: StagePlan,
    read_file: ReadFile,
    written: Mapping[str, bytes],
) -> StagePlan:
    """Return the plan with what is to be brought into the workspace at `root`, and what its inputs are.

    `written` are files that will be written before the stages begin. Raises TrackedOut, UnsafePath,
    UnknownParam, LockError, UnstorableData, or MissingDep for what a stage reads and that is neither there,
    nor in the store, nor made by a stage that is to run.
    """
    _refuse_tracked(code, (*plan.in_store, *code.config.data))
    _refuse_links(root, plan.stages)
    lock = lock_file.read(root, code.config)
    with StatCache(project.local.stat_cache) as cache:
        standing = _foresight(project, root, cache, read_file, written)
        bring = absent_inputs(code, root, plan, lock)
        outside = [plan.outside(stage) for stage in plan.stages if not stage.frozen]
        for stage in outside:
            for path in stage.deps:
                is_there = standing.artifact(path, read_only=True) is not None
                if not is_there and not any(paths.overlap(each.path, path) for each in bring):
                    raise missing_dep(root, plan, stage, path, project)
            if not any(paths.overlap(each.path, params.file) for each in bring for params in stage.params):
                standing.params(stage)
        for gone in Restorer(project, root, cache).absent(bring):
            reader = next(stage for stage, path in _reads(plan) if paths.overlap(gone.path, path))
            raise missing_dep(root, plan, reader, gone.path, project)
        standing.expect((*bring, *_as_written(standing, written)))
        at_start = {stage.name: standing.inputs(stage) for stage in outside}
    return replace(
        plan,
        bring=bring,
        at_start=at_start,
        warnings=(*_notes(plan, lock), *_not_ignored(code, plan, lock)),
    )


def absent_inputs(code: Project, root: Path, plan: StagePlan, lock: Lock) -> tuple[Artifact, ...]:
    """Return what the stages read, none of them makes, the lock knows, and is not in the workspace."""
    outside = {*code.config.data, *(out.path for out in plan.outs)} - plan.made
    absent = [each for each in lock.artifacts if each.path in outside and not _is_there(root, each.path)]
    read = [path for _, path in _reads(plan)] if absent else []
    return tuple(each for each in absent if any(paths.overlap(each.path, path) for path in read))


def _notes(plan: StagePlan, lock: Lock) -> Sequence[str]:
    """Return what is to be said of what has no effect; once, before any of the stages has run."""
    known = any(stage.name in lock.stages for stage in plan.pipeline.stages)
    return () if known else plan.pipeline.notes


def _not_ignored(code: Project, plan: StagePlan, lock: Lock) -> Sequence[str]:
    """Return what is to be said of outs that the next commit might take in; once, before they are made."""
    new = [stage for stage in plan.stages if stage.name not in lock.stages]
    outs = [out.path for stage in new for out in stage.outs if not out.in_git]
    return ignore.advice(code.repo, outs)


def _reads(plan: StagePlan) -> Iterator[tuple[Stage, str]]:
    """Yield what each stage reads that may run."""
    for stage in plan.stages:
        if not stage.frozen:
            yield from ((stage, path) for path in stage.deps)


def _foresight(
    project: Project, root: Path, cache: StatCache, read_file: ReadFile, written: Mapping[str, bytes]
) -> Foresight:
    store = ObjectStore(project.local.objects)
    texts = {hashlib.sha256(data).hexdigest(): data for data in written.values()}

    def content(hash_: str) -> bytes | None:
        return texts[hash_] if hash_ in texts else store.path(hash_).read_bytes()

    return Foresight(root, cache, read_file, project.repo.has_modes, store.manifest, content)


def _as_written(standing: WorkspaceData, written: Mapping[str, bytes]) -> Iterator[Artifact]:
    """Yield files as they will be when the stages begin."""
    for path, data in written.items():
        if (found := standing.artifact(path)) is not None:
            yield replace(found, hash=hashlib.sha256(data).hexdigest(), size=len(data))


def _is_there(root: Path, path: str) -> bool:
    return os.path.lexists(root / path)


def missing_dep(root: Path, plan: StagePlan, stage: Stage, path: str, project: Project) -> errors.DataError:
    """Return the error for what a stage reads and no run of these stages would bring to `root`, which may be
    another place than the workspace of `project`."""
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
    parents = (str(parent) for parent in PurePosixPath(path).parents[:-1])
    if known := next((each for each in (path, *parents) if (root / f"{each}.dvc").is_file()), None):
        hint = (
            f"It is under DVC: dvc pull {known}.dvc brings it; where it is, gitexp add {known} has gitexp "
            "bring it from then on, into isolated runs too."
        )
    return errors.DataError(
        f"The stage {stage.name} reads {path}, which is not there, and no stage makes it.",
        hint,
        code="missing-dep",
    )


def up_to(lock: Lock, pipeline: Pipeline) -> Lock:
    """Return a lock without the stages that are no more."""
    names = {stage.name for stage in pipeline.stages}
    stages = {name: stage for name, stage in lock.stages.items() if name in names}
    return lock if len(stages) == len(lock.stages) else replace(lock, stages=stages)
