"""The values that every room talks about: small, frozen, without input or output.

A parameter or metric file is kept as the tree that was read from it (`Tree`); tables and
comparisons use its flat form (`Flat`): dotted keys to scalar or list values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self, TypeAlias

from gitexp.named_tuple import NamedTuple

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = Any  # Scalar | list[Value] | dict[str, Value]; recursive aliases buy mypy nothing here
Tree: TypeAlias = Mapping[str, Value]
Flat: TypeAlias = Mapping[str, Value]
Files: TypeAlias = Mapping[str, Tree]  # path from the root, with slashes -> its tree

FORMAT = 1  # of the record; docs/format.md is its contract


class Mean(float):
    """The mean of a metric over replicates; a number like any other, with its uncertainty.

    Attributes:
        deviation: the sample standard deviation (n - 1); None for one value.
        count: the number of values.
        of: the number of replicates that are done; some of them may have no number.
    """

    __slots__ = ("count", "deviation", "of")

    def __new__(cls, value: float, deviation: float | None, count: int, of: int) -> Self:
        mean = super().__new__(cls, value)
        mean.deviation, mean.count, mean.of = deviation, count, of
        return mean

    deviation: float | None
    count: int
    of: int

    @property
    def left_out(self) -> int:
        """The number of replicates that are done and have no number: NaN, infinity, a text, or no value."""
        return self.of - self.count

    @property
    def spread(self) -> str:
        """What stands behind the mean: ` ± 0.012 (5)`; ` (1 of 5)` if only one of five has a number."""
        text = ""
        if self.deviation is not None:
            text = f" ± {self.deviation:.2g}" if self.deviation < 100 else f" ± {self.deviation:.0f}"
        if self.left_out:
            return f"{text} ({self.count} of {self.of})"
        return f"{text} ({self.count})"


class Differing(list[Value]):
    """The different values of a param among replicates, like their seeds; numbers in order."""

    @property
    def text(self) -> str:
        """The values for a table: `7…11 (5)` for the numbers 7 to 11; "" for other values."""
        if len(self) < 2 or not all(isinstance(value, int | float) for value in self):
            return ""
        return f"{self[0]}…{self[-1]} ({len(self)})"


class Status(StrEnum):
    """The state of an experiment; the last three are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        return self in (Status.DONE, Status.FAILED, Status.INTERRUPTED)


class ProcessId(NamedTuple):
    """One process on one machine, for ever. A pid alone does not tell: systems use pids again.

    Attributes:
        host: name of the machine.
        pid: number of the process.
        started: start time from the operating system (Linux: boot id and clock ticks); an opaque string,
            only compared.
    """

    host: str
    pid: int
    started: str


@dataclass(frozen=True, slots=True)
class Record:
    """The facts about one experiment: the JSON in the message of its record commit.

    Attributes:
        name: name of the experiment.
        status: state of the experiment.
        commit: the experiment commit E; while running, the start snapshot S.
        baseline: commit B, whose code the user started from.
        branch: branch of HEAD, without `refs/heads/`; None for a detached HEAD.
        command: the command in one shell line; None if nothing was run.
        argv: the words of the command; None if the user gave a shell line.
        folder: folder of the command, relative to the root; "" for the root.
        project: folder of the project, relative to the root; "" for the root, None if nobody noted it.
        identity: hash over tree, command, folder and patterns at the start, only compared; "" if nothing
            was run.
        overrides: each `-S`, unchanged.
        params: trees of the params files, by path.
        metrics: trees of the metrics files written by the run, by path.
        patterns: regular expressions by metric, for metrics in the output.
        cut_params: paths of params files too large for the record; E's tree has them.
        cut_metrics: paths of metrics files too large for the record; E's tree has them.
        written_params: paths of params files that the run is known to have written itself.
        created: time of the start, ISO 8601 in UTC.
        finished: time when the end was stored, ISO 8601 in UTC.
        duration: seconds from the start of the command to its end.
        exit_code: exit status of the command, like a shell's: 128 + N for death by signal N.
        user: name of Git's user; the login name where Git has none, and in older records.
        host: name of the machine.
        platform: system, release and processor.
        python: version of the command's Python; None if none was seen.
        cpus: number of processors for the run.
        gpus: names of the GPUs.
        gitexp: version of gitexp.
        tags: tags of the user.
        note: note of the user.
        warnings: sentences for a person: files left out, results not written, a log cut short.
        process: process of the run; None after the end.
        stages: result of each stage of a pipeline, in the order of their ends.
        group: hash like `identity`, but not over the value of the seed; "" if nothing was run.
        replicate: number of a run among those of `--repeat`, from 1; 0 for a run alone.
        sweep: id of the sweep with this run as one of its points; "" for a run alone.
        trial: of a trial of a search its number, point, space, method, objectives and code; {} for others.
        start: commit S of a queued run; "" for a run that began at once.
        order: place in the queue, the lowest first: the time of the queueing in microseconds.
        worker: name of the worker of a queued run.
        engine: name of the engine that has had the run's job done; "" for none.
        job: id of that job, as the engine calls it.
        waits_at: name of the Git remote in whose queue the run waits or goes on; "" for the queue here.
        seen: time of the last sign of life of a run in the queue of a Git remote, ISO 8601 in UTC.
        tries: number of earlier tries that ended with the death of their worker.
        limits: limits of the run by name: `timeout` in seconds, `memory` in bytes.
        reason: why gitexp itself has ended the run: `timeout`, `memory`, `pruned` or `alert`; ""
            if it has not.
        parent: name of the experiment whose command has begun this run; "" for a run begun otherwise.
        resumed_from: what the run goes on from: the `experiment` by name, its `commit` E and its `record`
            commit, and the last `step` of its curve that counts, if any; {} for a run from the start.
        checkpoints: declared paths at or below which the experiment has what another run can go on from.
        series: files with series of metrics, in `.gitexp/run/` of the record's tree.
        tables: tables written by the run, like logs.csv; in E's tree, or named by its lock.
        system: what the run took of its machine by name: `cpu` and `gpu` in percent, the mean; `memory` and
            `gpu_memory` in bytes, the most.
        mlflow: the run as MLflow knows it: `run`, `experiment` and `experiment_name` (texts), `start` and
            `end` (ms since 1970); {} for a run without MLflow.
        alerts: what happened while the run went on: `time`, `level`, `title` and `text` of each, the `rule`,
            and the `actions`.
        protected: the protected files of the baseline: the commit `at` that has them, their `hash` there, and
            the paths `changed` by the experiment, if any; {} where nothing is protected.
        reproduces: the `experiment` by name, and its `commit` E, that this run repeats for
            `gitexp reproduce`; {} for any other run.
        certificates: what reproductions of this experiment came to, each a map; `catalog.certificates` reads
            them.
        holdout: the evaluation by gitexp itself: the `commit` whose code runs, `command`, `timeout` in
            seconds; afterwards the `state`, `metrics` by file, `seconds` and `told`, a sentence; {} for none.
        imported: what an imported run is in the tool that it comes `from`: its `id` there, `state` (text that
            is another one once the run has more in it), `group` and `parent`; {} for any other run.
        loop: of a round of `gitexp loop`, what loop and which round, what became of the edit, and the
            verdict (docs/format.md); {} for others.
        extra: keys of a later version, kept when the record changes.
    """

    name: str
    status: Status
    commit: str
    baseline: str
    branch: str | None = None
    command: str | None = None
    argv: tuple[str, ...] | None = None
    folder: str = ""
    project: str | None = None
    identity: str = ""
    overrides: tuple[str, ...] = ()
    params: Files = field(default_factory=dict)
    metrics: Files = field(default_factory=dict)
    patterns: Mapping[str, str] = field(default_factory=dict)
    cut_params: tuple[str, ...] = ()
    cut_metrics: tuple[str, ...] = ()
    written_params: tuple[str, ...] = ()
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
    group: str = ""
    replicate: int = 0
    sweep: str = ""
    trial: Mapping[str, Any] = field(default_factory=dict)
    start: str = ""
    order: int = 0
    worker: str = ""
    engine: str = ""
    job: str = ""
    waits_at: str = ""
    seen: str = ""
    tries: int = 0
    limits: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    parent: str = ""
    resumed_from: Mapping[str, Any] = field(default_factory=dict)
    checkpoints: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    system: Mapping[str, float] = field(default_factory=dict)
    mlflow: Mapping[str, Any] = field(default_factory=dict)
    alerts: tuple[Mapping[str, Any], ...] = ()
    protected: Mapping[str, Any] = field(default_factory=dict)
    reproduces: Mapping[str, str] = field(default_factory=dict)
    certificates: tuple[Mapping[str, Any], ...] = ()
    holdout: Mapping[str, Any] = field(default_factory=dict)
    imported: Mapping[str, Any] = field(default_factory=dict)
    loop: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def touched(self) -> tuple[str, ...]:
        """The protected files that the experiment has changed: such an experiment is never best."""
        return tuple(self.protected.get("changed", ()))


class Experiment(NamedTuple):
    """An experiment whose record was read.

    Attributes:
        name: name in the ref.
        id: record commit, at which the ref points.
        record: the record.
        source: program of the experiment: "gitexp" or "dvc".
    """

    name: str
    id: str
    record: Record
    source: str = "gitexp"

    def __repr__(self) -> str:
        return f"<Experiment {self.name}: {self.record.status}>"


class Damaged(NamedTuple):
    """An unreadable experiment. Listings show it, and it hides no other experiment.

    Attributes:
        name: name in the ref.
        id: record commit, the target of the ref; zeros where the ref names no commit.
        error: the reason, a sentence.
        source: program of the experiment.
    """

    name: str
    id: str
    error: str
    source: str = "gitexp"


Stored: TypeAlias = Experiment | Damaged


class Change(NamedTuple):
    """One key with its old and new value; MISSING on a side without the key."""

    key: str
    old: Value
    new: Value


class Artifact(NamedTuple):
    """One file or folder, known by its content.

    Attributes:
        path: path relative to the root of the repository.
        hash: SHA-256 of a file, in hexadecimal; of a folder's manifest, with `.dir` behind.
        size: bytes of all files.
        files: number of a folder's files; None for a file.
        executable: mode of a file; a folder's manifest knows the modes of its files.
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
        """Equal for two artifacts that neither Git nor a program can tell apart."""
        return self.hash, self.executable

    def as_json(self) -> dict[str, Any]:
        """The artifact for `--json`."""
        return {"path": self.path, "hash": self.hash, "size": self.size, "files": self.files}


def readable(found: Iterable[Stored]) -> list[Experiment]:
    """The experiments that can be read."""
    return [one for one in found if isinstance(one, Experiment)]


def is_touched(one: Stored) -> bool:
    """Whether an experiment has changed protected files."""
    return isinstance(one, Experiment) and bool(one.record.protected) and bool(one.record.touched)


def is_unranked(one: Stored) -> bool:
    """Whether an experiment is never best: it has changed protected files, or only repeats another one."""
    if not isinstance(one, Experiment):
        return False
    record = one.record
    return bool(record.reproduces) or (bool(record.protected) and bool(record.touched))


def paths_of(artifacts: Iterable[Artifact]) -> tuple[str, ...]:
    """The path of each artifact."""
    return tuple(artifact.path for artifact in artifacts)


def by_path(artifacts: Iterable[Artifact]) -> dict[str, Artifact]:
    """The artifacts by their paths."""
    return {artifact.path: artifact for artifact in artifacts}


def contents(artifacts: Iterable[Artifact]) -> dict[str, tuple[str, bool]]:
    """The content of each artifact, to be compared, by path."""
    return {artifact.path: artifact.content for artifact in artifacts}


class _Missing:
    """The absence of a value. None is no absence: a param may be null."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING = _Missing()
