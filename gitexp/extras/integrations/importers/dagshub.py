"""Runs of DagsHub's logger: `metrics.csv` and `params.yml` in a folder, and in the commits of a branch.

The logger has no word for a run: whoever uses it commits both files after each run. So each commit in which
one of them changed is a run, and its code is the commit's.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from gitexp import errors, files
from gitexp.extras.integrations.importers import folder_files
from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer, Read, Unread
from gitexp.files.lines.series import LoggedPoint
from gitexp.log_rules import LONGEST_STEP
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.repo.git.git_text import in_lines
from gitexp.repo.git.repository import Repository
from gitexp.repo.git_remote import GitRemote

_METRICS, _PARAMS = "metrics.csv", "params.yml"
_HEADER = ["Name", "Value", "Timestamp", "Step"]
_TOGETHER = 200  # commits read at once
_NO_END = "DagsHub's logger notes no end of a run"


class _LoggedCommit(NamedTuple):
    """A commit; `time` in seconds since the epoch."""

    id: str
    time: float
    author: str
    message: str


class DagsHub(Importer):
    """The reader of DagsHub's files.

    Attributes:
        history: a revision; "" for HEAD.
    """

    title = "DagsHub"
    looks_for = "a folder with metrics.csv of DagsHub's logger, often one of a Git repository"

    def __init__(self, history: str = "") -> None:
        self.history = history

    def finds(self, place: Path) -> bool:
        """Whether a folder has a file of metrics by the logger. Raises OSError for an unreadable file."""
        if not folder_files.is_there(place / _METRICS):
            return False
        folder_files.require_plain(place / _METRICS)
        with (place / _METRICS).open("rb") as file:
            return _header(file.readline(100)) == _HEADER

    def with_history(self, revision: str) -> Importer:
        """The importer for the commits of a branch."""
        return DagsHub(revision)

    def prepare(self, project: Project, place: Path) -> None:
        """Bring the commits of another repository."""
        theirs = _repository(place)
        if theirs is None or theirs.common_dir.resolve() == project.repo.common_dir.resolve():
            return
        if wanted := {commit.id: commit.id for commit in self._commits(theirs, place)}:
            GitRemote(project.repo, str(theirs.root)).fetch(wanted)

    def read(self, place: Path) -> Iterator[Read]:
        """Yield a run for each commit, the oldest first; then that of the folder unless it is committed."""
        repo = _repository(place)
        commits = self._commits(repo, place) if repo is not None else []
        own = b"" if self.history else _own_metrics(place)
        if not commits and not own:
            raise errors.UsageError(
                f"{place} has no {_METRICS} of DagsHub's logger, nor has a commit.", f"Give {self.looks_for}."
            )
        last = b""
        rest = iter(commits)
        while repo is not None and (some := list(islice(rest, _TOGETHER))):
            for one in _committed(repo, _prefix(repo, place), some):
                yield one.read
                last = one.metrics
        if isinstance(own, Unread):
            yield own
        elif own and own != last:
            yield _of_folder(place, own)

    def _commits(self, repo: Repository, place: Path) -> list[_LoggedCommit]:
        """The commits in which one of the files changed. Raises UsageError for an unknown revision."""
        tip = repo.resolve(self.history or "HEAD")
        if tip is None and self.history:
            raise errors.UsageError(
                f"There is no branch or commit '{self.history}'.", "For example: --commits-of main"
            )
        if tip is None:
            return []
        names = [_prefix(repo, place) + name for name in (_METRICS, _PARAMS)]
        out = repo.run("rev-list", "--reverse", tip, "--", *names, env={"GIT_LITERAL_PATHSPECS": "1"})
        ids = out.decode().split()
        how = ("--no-walk=unsorted", "--stdin", "--no-show-signature", "-z", "--format=%H%n%at%n%an%n%B")
        found = []
        for text in repo.run("log", *how, stdin=in_lines(ids)).split(b"\0") if ids else ():
            words = text.decode("utf-8", "replace").split("\n", 3)
            if len(words) == 4 and words[1].lstrip("-").isdecimal():
                found.append(_LoggedCommit(words[0], float(words[1]), words[2], words[3].strip()))
        return found


IMPORTER = DagsHub()


class _CommittedRun(NamedTuple):
    """The run of a commit, and the content of its file of metrics."""

    read: Read
    metrics: bytes


def _repository(place: Path) -> Repository | None:
    """The repository around a folder; None for none. Raises RepositoryError for one that Git will not use."""
    try:
        return Repository.find(place)
    except errors.RepositoryError as error:
        if error.code not in ("not-a-repository", "bare-repository"):
            raise
        return None


def _prefix(repo: Repository, place: Path) -> str:
    """The path of the folder in the repository, with a slash at its end unless it is the root."""
    relative = place.resolve().relative_to(repo.root.resolve()).as_posix()
    return "" if relative == "." else f"{relative}/"


def _committed(repo: Repository, prefix: str, commits: list[_LoggedCommit]) -> Iterator[_CommittedRun]:
    """Yield the runs of some commits; a commit without the logger's metrics has none."""
    names = []
    for commit in commits:
        names += [f"{commit.id}:{prefix}{_METRICS}", f"{commit.id}:{prefix}{_PARAMS}"]
    contents = iter(repo.read_blobs(names, folder_files.LONGEST))
    for commit, metrics, params in zip(commits, contents, contents, strict=True):
        if metrics is not None and len(metrics) > folder_files.LONGEST:
            where = f"{commit.id[:9]}:{prefix}{_METRICS}"
            yield _CommittedRun(Unread(where, folder_files.reason(folder_files.too_large(where))), b"")
            continue
        if metrics is None or _header(metrics[:100]) != _HEADER:
            continue
        told = [_NO_END]
        try:
            run = ForeignRun(
                id=f"{commit.id}/{prefix}" if prefix else commit.id,
                name=f"dagshub-{commit.id[:7]}",
                created=commit.time,
                params=_params(params or b"", told),
                points=partial(_points_of, repo, f"{commit.id}:{prefix}{_METRICS}"),
                note=commit.message,
                user=commit.author,
                commit=commit.id,
                remarks=(*told, *_faults(metrics)),
            )
        except errors.GitexpError as error:
            yield _CommittedRun(Unread(f"{commit.id[:9]}:{prefix}{_PARAMS}", error.message), metrics)
            continue
        yield _CommittedRun(run, metrics)


def _own_metrics(place: Path) -> bytes | Unread:
    """The metrics in a folder; b"" for none of the logger's."""
    try:
        found = folder_files.content(place / _METRICS)
    except OSError as error:
        return Unread(str(place), folder_files.reason(error))
    return found if _header(found[:100]) == _HEADER else b""


def _of_folder(place: Path, metrics: bytes) -> Read:
    """The run of the files of a folder, whose code nobody knows."""
    told = [_NO_END]
    try:
        params = folder_files.content(place / _PARAMS)
        values = _params(params, told)
    except OSError as error:
        return Unread(str(place), folder_files.reason(error))
    except errors.GitexpError as error:
        return Unread(str(place / _PARAMS), error.message)
    points = list(islice(_points(metrics), 1))
    beginning = params + b"\0" + b"\n".join(metrics.split(b"\n", 2)[:2])
    return ForeignRun(
        id=hashlib.sha256(beginning).hexdigest()[:16],
        state=hashlib.sha256(metrics).hexdigest()[:16],
        name=f"dagshub-{place.resolve().name}",
        created=points[0].time if points else folder_files.changed(place / _METRICS),
        finished=folder_files.changed(place / _METRICS),
        params=values,
        points=partial(_points, metrics),
        remarks=(*told, *_faults(metrics)),
    )


def _header(line: bytes) -> list[str]:
    first = line.split(b"\n", 1)[0]
    return first.decode("utf-8", "replace").strip().replace('"', "").split(",")


def _params(content: bytes, told: list[str]) -> dict[str, object]:
    """The params; sentences on values that cannot be recorded go to `told`. Raises ParseError."""
    if not content:
        return {}
    found = files.parse_params(_PARAMS, content)
    told += found.complaints
    return dict(found.tree)


def _faults(metrics: bytes) -> Iterable[str]:
    """A sentence with the first line that is no value, if there is one."""
    for number, row in enumerate(_rows(metrics), start=2):
        if _point(row) is None:
            return (f"not imported, lines of {_METRICS} that are no numbers, such as line {number}",)
    return ()


def _points_of(repo: Repository, name: str) -> Iterator[LoggedPoint]:
    (content,) = repo.read_blobs([name], folder_files.LONGEST)
    return _points(content or b"")


def _points(metrics: bytes) -> Iterator[LoggedPoint]:
    """Yield the values in the order of the lines, neighbours of the same step together."""
    now = LoggedPoint(0, 0.0, {})
    for row in _rows(metrics):
        point = _point(row)
        if point is None:
            continue
        if point.step == now.step and not point.values.keys() & now.values.keys():
            now = LoggedPoint(now.step, now.time or point.time, {**now.values, **point.values})
            continue
        if now.values:
            yield now
        now = point
    if now.values:
        yield now


def _rows(metrics: bytes) -> Iterator[list[str]]:
    """Yield the lines after the header; a line with nonsense as an empty one."""
    reader = csv.reader(io.StringIO(metrics.decode("utf-8", "replace"), newline=""))
    next(reader, None)
    while True:
        try:
            yield next(reader)
        except csv.Error:
            yield []
        except StopIteration:
            return


def _point(row: list[str]) -> LoggedPoint | None:
    """The point of a line; None for another line."""
    if len(row) != len(_HEADER):
        return None
    try:
        value, time, step = float(row[1]), float(row[2]) / 1000, int(row[3])
    except ValueError:
        return None
    if abs(step) >= LONGEST_STEP or not row[0]:
        return None
    return LoggedPoint(step, time, {row[0]: value})
