"""What gitexp talks about: small frozen values, no input or output.

A parameter or metric file is kept as the tree that was read from it (`Tree`); tables and
comparisons use its flat form (`Flat`): dotted keys to scalar or list values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = Any  # Scalar | list[Value] | dict[str, Value]; recursive aliases buy mypy nothing here
Tree: TypeAlias = Mapping[str, Value]
Flat: TypeAlias = Mapping[str, Value]
Files: TypeAlias = Mapping[str, Tree]  # repository-relative path, with slashes -> what the file says

FORMAT = 1  # of the record; docs/format.md is its contract


class Status(StrEnum):
    """Where an experiment is in its life; the last three are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        return self in (Status.DONE, Status.FAILED, Status.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process on one machine, for ever: the pid alone is reused.

    `started` is the start time as the operating system gives it (Linux: boot id and clock ticks),
    an opaque string that is only compared.
    """

    host: str
    pid: int
    started: str


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered about one experiment: the JSON in its record commit's message.

    `commit` is the experiment commit E (while running, the start snapshot S), `baseline` the commit
    it was made from. `argv` is the command as given, or None where `command` went through a shell;
    `folder` is where it ran, relative to the root; `identity` is the same for runs that start alike.
    `patterns` are the regular expressions of the metrics that were looked for in the output. Times are
    ISO 8601 in UTC; `duration` is in seconds. `cut_params` and `cut_metrics` name the files that were too
    large for the record and stand in E's tree alone. `stages` says what became of each stage
    of a pipeline, in the order in which they ended. `extra` is what a later version has added: kept as it
    is when the record is written again.
    """

    name: str
    status: Status
    commit: str
    baseline: str
    branch: str | None = None
    command: str | None = None
    argv: tuple[str, ...] | None = None
    folder: str = ""
    identity: str = ""
    overrides: tuple[str, ...] = ()
    params: Files = field(default_factory=dict)
    metrics: Files = field(default_factory=dict)
    patterns: Mapping[str, str] = field(default_factory=dict)
    cut_params: tuple[str, ...] = ()
    cut_metrics: tuple[str, ...] = ()
    created: str = ""
    finished: str | None = None
    duration: float | None = None
    exit_code: int | None = None
    user: str = ""
    host: str = ""
    platform: str = ""
    python: str | None = None
    cpus: int | None = None
    gpus: tuple[str, ...] = ()
    gitexp: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    warnings: tuple[str, ...] = ()
    process: ProcessId | None = None
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment whose record was read.

    Attributes:
        id: the record commit, which the ref points at.
        source: the program that stored it: "gitexp", or "dvc" for one of DVC's own.
    """

    name: str
    id: str
    record: Record
    source: str = "gitexp"


@dataclass(frozen=True, slots=True)
class Damaged:
    """An experiment that cannot be read: it is shown, and hides no other.

    Attributes:
        id: the record commit, which the ref points at; zeros where the ref says no commit.
        error: why it cannot be read, a sentence.
        source: the program that stored it.
    """

    name: str
    id: str
    error: str
    source: str = "gitexp"


Stored: TypeAlias = Experiment | Damaged


@dataclass(frozen=True, slots=True)
class Change:
    """One key with its value on either side; `MISSING` where it is not there."""

    key: str
    old: Value
    new: Value


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file or folder by its content; `path` is relative to the root of the repository.

    `hash` is the SHA-256 of the file in hexadecimal; for a folder that of its manifest, with `.dir`
    behind it. `size` is in bytes, of all its files; `files` counts them, None for a file. A folder's
    manifest knows which of its files are executable, for a file `executable` does.
    """

    path: str
    hash: str
    size: int
    files: int | None = None
    executable: bool = False

    @property
    def is_folder(self) -> bool:
        return self.files is not None

    @property
    def content(self) -> tuple[str, bool]:
        """What two artifacts share if and only if Git, and whoever runs them, could not tell them apart."""
        return self.hash, self.executable


class _Missing:
    """The absence of a value, which None is not: a param may well be null."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING = _Missing()
