"""The values of a reader of another tool's files: its runs, and the unreadable places."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from gitexp import errors
from gitexp.extras.integrations.importers.servers.address import ServerAddress
from gitexp.files.lines.series import LoggedPoint
from gitexp.model import Experiment, Status, Tree
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project

Points: TypeAlias = Callable[[], Iterable[LoggedPoint]]  # read when the run is stored, and not before
Content: TypeAlias = Path | bytes
Place: TypeAlias = Path | ServerAddress
# Writes a file. Raises GitexpError for a fault of the server, OSError for a file that cannot be written.
Download: TypeAlias = Callable[[Path], None]


def no_points() -> Iterable[LoggedPoint]:
    """The points of a run without a curve."""
    return ()


def no_downloads() -> Mapping[str, Download]:
    """The downloads of a run without files on a server."""
    return {}


class StoredTree(NamedTuple):
    """The code of a run, stored.

    Attributes:
        tree: the id of the tree.
        remarks: a sentence for each omission.
    """

    tree: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ForeignRun:
    """A run of another tool.

    Attributes:
        id: key of the run at the next import; unique among the runs of the tool.
        status: the end; for a run that seems to go on: interrupted.
        state: a text that changes with each growth of the run, such as its size.
        name: name from a person or the tool; "" for none.
        created, finished: seconds since the epoch; None if nobody noted them.
        duration: seconds.
        params: the params.
        metrics: numbers for the table by name; for other names, the last values of `points` count.
        points: gives the curve, in the order of the steps or of time.
        system: gives the points about the machine.
        tags: tags, some of them perhaps against gitexp's rules.
        note: a text about the run.
        group: the name of a group of runs.
        parent: the id of the outer run.
        commit: id of the commit of the code; "" if nobody noted it.
        patch: changes of the code since its commit, in the form of `git diff`.
        has_changes: whether the code differed from its commit; then the files of `code` lie on top of that.
        code: files of the code by path, if the tool itself has kept them.
        tree: stores the exact code, made from `commit`, in the repository of a project; None for other tools.
        files: the logged files, by name.
        downloads: gives the logged files on a server, by name; called when the run is stored.
        log: the output of the command.
        environment: the packages, a line each.
        facts: further facts of the tool, kept unchanged.
        record: values for the tool's own fields of gitexp's record.
        run_files: gives files for `.gitexp/run/`, by name; called after the end of `points`.
        remarks: a sentence for each omission.
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
    has_changes: bool = False
    code: Mapping[str, Content] = field(default_factory=dict)
    tree: Callable[[Project], StoredTree] | None = None
    files: Mapping[str, Content] = field(default_factory=dict)
    downloads: Callable[[], Mapping[str, Download]] = no_downloads
    log: bytes = b""
    environment: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    run_files: Callable[[], Mapping[str, bytes]] = dict
    remarks: tuple[str, ...] = ()


class Unread(NamedTuple):
    """An unreadable run or file.

    Attributes:
        where: the file, and the place in the file if known.
        why: the reason, the end of a sentence.
    """

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


class RunLeftOut(NamedTuple):
    """A run to be left out; `why` completes the words "left out,": "deleted there"."""

    why: str


Read: TypeAlias = ForeignRun | Unread | RunLeftOut


class ColumnRoles(ABC):
    """The roles of the columns of sheets, by headers of the users' own."""

    @abstractmethod
    def examples(self, place: Path) -> Mapping[str, Sequence[str]]:
        """Some values of each column of a sheet, by header."""

    @abstractmethod
    def is_telling(self, header: str) -> bool:
        """Whether a header names the role of its column by itself."""

    @abstractmethod
    def reader(self, given: Mapping[str, str]) -> Importer:
        """The importer with these roles by header."""


class Importer(ABC):
    """The reader of one tool's files; an entry point `gitexp.importer` names an instance.

    Attributes:
        title: the usual name of the tool: `Weights & Biases`.
        looks_for: the files, for the help: `a folder wandb with offline runs`.
        columns: the roles of columns; None for a tool without sheets.
        is_shared: whether other tools write such files too; then a place with runs of those is theirs.
    """

    title: str
    looks_for: str
    columns: ColumnRoles | None = None
    is_shared: bool = False

    @abstractmethod
    def finds(self, place: Path) -> bool:
        """Whether a file or folder belongs to the tool, judged by names and first bytes alone.

        Raises OSError where nobody can tell.
        """

    @abstractmethod
    def read(self, place: Path) -> Iterator[Read]:
        """Yield the runs of a file or folder, the oldest first. Raises UsageError for a place without any.

        A run of which a part is there and cannot be read is Unread: nothing of it may count as missing.
        """

    def with_history(self, revision: str) -> Importer:
        """The importer with the commits of a branch as runs too. Raises UsageError for other tools."""
        raise errors.UsageError(
            f"{self.title} keeps no runs in commits: --commits-of is for DVC and DagsHub.", "Leave it out."
        )

    def prepare(self, project: Project, place: Path) -> None:
        """Bring objects of Git that the runs need into the repository of the project. Raises RemoteFailed."""
        return

    def finds_on(self, server: ServerAddress) -> bool:
        """Whether a server is the tool's; it is asked."""
        return False

    def read_from(self, server: ServerAddress) -> Iterator[Read]:
        """Yield the runs on a server. Raises UsageError for a tool whose servers gitexp does not read."""
        raise errors.UsageError(
            f"gitexp reads runs of {self.title} from files, and not from a server.", f"Give {self.looks_for}."
        )

    def known(self, project: Project) -> Mapping[str, Experiment]:
        """Experiments of the tool from elsewhere than an import, by the id of their run."""
        return {}

    def finish(self, project: Project, place: Place) -> Sequence[str]:
        """Keep the rest of the place, after the runs; a sentence for each omission."""
        return ()
