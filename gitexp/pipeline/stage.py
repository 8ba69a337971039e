"""A pipeline as values: stages with their inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from gitexp.model import Value
from gitexp.named_tuple import NamedTuple

ReadFile = Callable[[str], bytes | None]  # a path from the root -> its content, None if there is no file


class OutKind(StrEnum):
    """The use of an output. Metrics and plots are for people, and stand in Git too."""

    OUT = "out"
    METRIC = "metric"
    PLOT = "plot"


class Out(NamedTuple):
    """A file or folder that a stage writes.

    Attributes:
        path: path from the root.
        kind: use of the output.
        in_git: whether the output is small and belongs into the experiment's tree (`cache: false`,
            metrics, plots).
        persist: whether the output stays in place before the stage runs; others are removed.
    """

    path: str
    kind: OutKind = OutKind.OUT
    in_git: bool = False
    persist: bool = False


class ParamsDep(NamedTuple):
    """Params that a stage reads: dotted keys of a file, or all (`keys` None)."""

    file: str
    keys: tuple[str, ...] | None


class Stage(NamedTuple):
    """One step of a pipeline. All paths are from the root of the repository, with slashes, and inside.

    Attributes:
        name: unique name; `group@item` for a stage of a `foreach` or `matrix`.
        commands: shell lines, run one after another until the first failure.
        wdir: folder of the commands; "" for the root.
        deps: files and folders read by the commands.
        params: params read by the commands.
        outs: files and folders written by the commands.
        desc: description for people.
        frozen: the stage never runs.
        always_changed: the stage is never up to date.
        meta: any value, for other programs.
        line: line in the file, from 1.
    """

    name: str
    commands: tuple[str, ...]
    wdir: str = ""
    deps: tuple[str, ...] = ()
    params: tuple[ParamsDep, ...] = ()
    outs: tuple[Out, ...] = ()
    desc: str = ""
    frozen: bool = False
    always_changed: bool = False
    meta: Value = None
    line: int | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """The paths of the inputs: deps and params files."""
        return (*self.deps, *(params.file for params in self.params))

    def without(self, is_left_out: Callable[[str], bool]) -> Stage:
        """The stage without the inputs at some paths."""
        deps = tuple(dep for dep in self.deps if not is_left_out(dep))
        params = tuple(params for params in self.params if not is_left_out(params.file))
        return self._replace(deps=deps, params=params)

    @property
    def out_paths(self) -> tuple[str, ...]:
        return tuple(out.path for out in self.outs)

    @property
    def in_git(self) -> tuple[str, ...]:
        """The paths of outs in the experiment's tree."""
        return tuple(out.path for out in self.outs if out.in_git)

    @property
    def in_store(self) -> tuple[str, ...]:
        """The paths of outs in the object store alone."""
        return tuple(out.path for out in self.outs if not out.in_git)


class Pipeline(NamedTuple):
    """All stages of a project.

    Attributes:
        file: path of the pipeline's file, from the root.
        stages: the stages in the order of the file.
        params: params files named outside of stages, and files of variables.
        metrics: metrics files named outside of stages (in a dvc.yaml).
        plots: files of plots named outside of stages (in a dvc.yaml).
        notes: sentences about entries without effect here, each with its line.
    """

    file: str
    stages: Sequence[Stage] = ()
    params: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
