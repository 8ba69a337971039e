"""A pipeline as values: stages with what they read and write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gitexp.model import Value

ReadFile = Callable[[str], bytes | None]  # a path from the root -> its content, None if there is no file


class OutKind(StrEnum):
    """What an output is for: metrics and plots are read by people and stand in Git as well."""

    OUT = "out"
    METRIC = "metric"
    PLOT = "plot"


@dataclass(frozen=True, slots=True)
class Out:
    """A file or folder that a stage writes, relative to the root.

    With `in_git` it is small and belongs into the experiment's tree (`cache: false`, metrics, plots);
    with `persist` it is not removed before the stage runs.
    """

    path: str
    kind: OutKind = OutKind.OUT
    in_git: bool = False
    persist: bool = False


@dataclass(frozen=True, slots=True)
class ParamsDep:
    """Params that a stage depends on: dotted keys of a file, or all of it (`keys` None)."""

    file: str
    keys: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Stage:
    """One step. All paths are relative to the root of the repository, with slashes, and inside it.

    `commands` are shell lines that run in `wdir` ("" is the root) one after another, until one fails.
    `line` is where the stage stands in its file.
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


@dataclass(frozen=True, slots=True)
class Pipeline:
    """All stages of a project in the order of its file. `file` is that file, relative to the root.

    `params`, `metrics` and `plots` are those named outside of stages (dvc.yaml has such lists; files that
    variables come from are among the params). `notes` are sentences, each with its line, about what
    stands in the file and has no effect here.
    """

    file: str
    stages: Sequence[Stage] = ()
    params: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
