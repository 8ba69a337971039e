"""What a reader of another tool's files gives: runs as that tool knows them, and what nobody could read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from gitexp.files.series import LoggedPoint
from gitexp.model import Experiment, Status, Tree
from gitexp.project.project import Project

Points: TypeAlias = Callable[[], Iterable[LoggedPoint]]  # read when the run is stored, and not before
Content: TypeAlias = Path | bytes


def no_points() -> Iterable[LoggedPoint]:
    """The points of a run without a curve."""
    return ()


@dataclass(frozen=True)
class ForeignRun:
    """A run of another tool.

    Attributes:
        id: what the run is known by at the next import; no other run of the tool has it.
        status: the end; a run that seems to go on is interrupted, since nobody here can tell.
        state: text that is another one once the run has more in it, such as its size.
        name: the name that a person or the tool has given; "" for none.
        created, finished: seconds since the epoch; None where nobody noted it.
        duration: seconds.
        params: the params.
        metrics: numbers for the table by name; the last values of `points` count for the names it lacks.
        points: gives the curve, in the order of the steps or of time.
        system: gives the points about the machine.
        tags: tags, which may break the rules of gitexp's.
        note: a text about the run.
        group: the name of a group of runs.
        parent: the id of the run that has begun this one.
        commit: id of the commit of the code; "" where nobody noted it.
        patch: what the code had beyond its commit, as `git diff` prints it.
        code: files of the code by path, where the tool has kept them itself.
        files: the files that the run has logged, by name.
        log: the output of the command.
        environment: the packages, a line each.
        facts: what else the tool knows, kept as it is.
        record: values for fields of gitexp's record that only this tool has.
        run_files: gives files for `.gitexp/run/`, by name; called after all of `points` were read.
        remarks: sentences on what could not be taken.
    """

    id: str
    status: Status = Status.DONE
    state: str = ""
    name: str = ""
    created: float | None = None
    finished: float | None = None
    duration: float | None = None
    params: Tree = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    points: Points = no_points
    system: Points = no_points
    tags: tuple[str, ...] = ()
    note: str = ""
    group: str = ""
    parent: str = ""
    command: str = ""
    user: str = ""
    host: str = ""
    platform: str = ""
    python: str = ""
    exit_code: int | None = None
    commit: str = ""
    patch: bytes = b""
    code: Mapping[str, Content] = field(default_factory=dict)
    files: Mapping[str, Content] = field(default_factory=dict)
    log: bytes = b""
    environment: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    run_files: Callable[[], Mapping[str, bytes]] = dict
    remarks: tuple[str, ...] = ()


class Unread(NamedTuple):
    """What could not be read.

    Attributes:
        where: the file, and the place in the file where that is known.
        why: the reason, the end of a sentence.
    """

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


class RunLeftOut(NamedTuple):
    """A run that is not to be imported; `why` goes on after "left out,": "deleted there"."""

    why: str


Read: TypeAlias = ForeignRun | Unread | RunLeftOut


class ColumnRoles(ABC):
    """The columns of sheets, whose names are their users'."""

    @abstractmethod
    def headers(self, place: Path) -> Sequence[str]:
        """The names of the columns of a sheet."""

    @abstractmethod
    def unknown(self, place: Path, given: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
        """Some values of each column whose role nobody has said and whose name does not tell, by header."""

    @abstractmethod
    def reader(self, given: Mapping[str, str]) -> Importer:
        """The importer that takes columns for what was said of them: roles by header."""


class Importer(ABC):
    """The reader of one tool's files; an entry point `gitexp.importer` names an instance.

    Attributes:
        title: the tool as people call it: `Weights & Biases`.
        looks_for: the files, for the help: `a folder wandb with offline runs`.
        columns: how the columns of a sheet are read; None for a tool that has no sheets.
    """

    title: str
    looks_for: str
    columns: ColumnRoles | None = None

    @abstractmethod
    def finds(self, place: Path) -> bool:
        """Whether a file or folder is one of the tool's; told by names and first bytes alone."""

    @abstractmethod
    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs of a file or folder, the oldest first; raises UsageError where there are none."""

    def known(self, project: Project) -> Mapping[str, Experiment]:
        """The experiments, by the id of their run, that have come otherwise than by an import."""
        return {}

    def finish(self, project: Project, place: Path) -> Sequence[str]:
        """Keep what is of no single run, after the runs; a sentence for each thing that cannot be kept."""
        return ()
