"""What is known on this machine about a run that has not been stored to its end.

Written before the experiment's ref is made and removed after the ref has reached its end, so that
whoever finds the process dead can finish the work: `<common-dir>/gitexp/runs/<token>/` holds

state.json       the `RunState`
lock             locked by the run while it lives, then by whoever finishes it
output.log       what the command has printed so far
stages/          the same of each stage of a pipeline
stages.jsonl     what became of those that have ended
gitexp.lock      of stages: what each has read and written, as the experiment is to say it
kept.lock        the like of what was replaced and no run had made
environment.txt  what it ran on, once that is known
logged/          what the command has logged through the Python API, see gitexp.runs.logged_values.logged
reserve          room on the disk, given back at the end, so that a full one can still take the results
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gitexp import errors, nofollow
from gitexp.failpoints import failpoint
from gitexp.folders import clear_away
from gitexp.model import ProcessId, Record
from gitexp.named_tuple import NamedTuple
from gitexp.process import shared_umask
from gitexp.repo.git.locking import locks
from gitexp.repo.local import LocalState
from gitexp.repo.scope import Scope

ONE_RUN = "one-run"  # in a worker's folder: a signal to the worker ends its present run alone
LOGGED = "logged"  # in the folder of a run: what its command logs
_STATE = "state.json"
_RESERVE = 2 * 1024 * 1024  # bytes

_UNREADABLE = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


def note_lost(local: LocalState, record: Record) -> None:
    """Write down that a run of the queue has lost its process here, and whose queue it is. Raises OSError."""
    if record.start:
        with nofollow.opened(local.root, local.lost.name, make=True) as folder:
            folder.create(record.start, record.waits_at.encode("utf-8", "surrogateescape"))


def was_lost_here(local: LocalState, start: str, queue_of: str = "") -> bool:
    """Whether the run of a start snapshot has lost its process here, and nobody has taken note since.

    A record cannot tell: another repository may have written it. `queue_of` is the Git remote in whose queue
    the run was; "" for the queue here.
    """
    try:
        return nofollow.read(local.root, f"{local.lost.name}/{start}").decode() == queue_of
    except (OSError, ValueError):
        return False


def forget_lost(local: LocalState, start: str) -> None:
    """Take note of a run that has lost its process here."""
    with contextlib.suppress(OSError), nofollow.opened(local.root, local.lost.name) as folder:
        folder.remove(start)


class Stamp(NamedTuple):
    """The time stamps of a file, in ns, with its size and inode: different after every write."""

    modified: int
    changed: int
    size: int
    inode: int


class RunState(NamedTuple):
    """The state of a run on this machine's disk, from before its ref until after its end.

    Attributes:
        folder: the folder of the run's files, below `runs/`.
        process: the gitexp process of the run.
        root, git_dir: the worktree of the run.
        baseline: the parent of the experiment's commit.
        tree: the start snapshot.
        scope: the run's own paths.
        stamps: result files from before the run, by path.
        started: seconds since the epoch.
        name: the experiment's; "" until shortly before the ref.
        child: the command, until gitexp has seen its end; of several, the last one started.
        others: commands started before `child` and still running.
        exit_code: as a shell gives it; None until the command has ended.
        interrupted: whether Ctrl-C or its like reached gitexp.
        duration: seconds; None until the command has ended.
        seen_from: the `namespace` of the processes.
        lock_tells: whether the lock tells every machine if the run lives: it is a file.
    """

    folder: Path
    process: ProcessId
    root: str
    git_dir: str
    baseline: str
    tree: str
    scope: Scope
    stamps: dict[str, Stamp]
    started: float
    name: str = ""
    child: ProcessId | None = None
    others: tuple[ProcessId, ...] = ()
    exit_code: int | None = None
    interrupted: bool = False
    duration: float | None = None
    seen_from: str = ""
    lock_tells: bool = False

    @property
    def log(self) -> Path:
        return self.folder / "output.log"

    @property
    def stage_logs(self) -> Path:
        return self.folder / "stages"

    @property
    def stage_notes(self) -> Path:
        return self.folder / "stages.jsonl"

    @property
    def kept(self) -> Path:
        return self.folder / "kept.lock"

    @property
    def environment(self) -> Path:
        return self.folder / "environment.txt"

    @property
    def lock(self) -> Path:
        return self.folder / "gitexp.lock"

    @property
    def logged(self) -> Path:
        return self.folder / LOGGED

    def written(self, names: Sequence[str]) -> dict[str, Stamp]:
        """The stamps of the files among `names` that are new, or were written, since the start of the run."""
        found = stamp(Path(self.root), names)
        return {name: of for name, of in found.items() if of != self.stamps.get(name)}

    def put(self, file: Path, content: bytes) -> None:
        """Write a file of the run, if possible; a reader sees the old content or the new, whole."""
        with contextlib.suppress(OSError), self.opened() as folder:
            folder.write(file.name, content)  # where the folder is gone, the run goes on without

    def read(self, file: Path) -> bytes:
        """The content of one of the run's files; raises OSError, also for a link."""
        with self.opened() as folder:
            return folder.read(file.name)

    def opened(self) -> nofollow.Folder:
        """The folder of the run's files, opened; raises OSError."""
        return _opened(self.folder)

    def save(self) -> None:
        """Write the state; a reader sees the old state or the new, whole."""
        text = json.dumps(_as_json(self)).encode("utf-8", "surrogateescape")
        new = _STATE + nofollow.NEW
        with self.opened() as folder:
            folder.create(new, text, durable=True)
            failpoint("live:written")
            folder.rename(new, _STATE)
        failpoint("live:saved")

    def updated(self, **changes: object) -> RunState:
        """The run with some fields changed, and written."""
        new = self._replace(**changes)  # type: ignore[arg-type]  # the callers' keywords are fields
        if new.child is not None and new.child != self.child:
            locks.outlive(self.folder / "lock", new.child.pid)
        new.save()
        return new

    @property
    def can_be_told(self) -> bool:
        """Whether the lock of the run tells if it lives, also if its processes cannot be seen from here."""
        return self.lock_tells and locks.are_files(self.folder / "lock")

    def as_saved(self) -> RunState:
        """The run as last written; this value if the file cannot be read."""
        try:
            return _read(self.folder)
        except _UNREADABLE:
            return self

    def give_back_reserve(self) -> None:
        """Let go of the room kept for the end."""
        with contextlib.suppress(OSError), self.opened() as folder:
            folder.remove("reserve")

    def forget(self) -> None:
        """Remove the files of a stored run."""
        # First, so that a crash in the middle leaves a folder that says nothing, not one that says half.
        with contextlib.suppress(OSError), self.opened() as folder:
            folder.remove(_STATE)
        failpoint("live:forgetting")
        clear_away(self.folder)


@contextlib.contextmanager
def new_folder(local: LocalState) -> Iterator[Path]:
    """A new folder for a live run, locked until the end of the block; raises StorageError."""
    local.prepare()
    folder = Path(tempfile.mkdtemp(dir=local.runs))
    shared_umask.open_up(folder)
    failpoint("live:folder")
    with contextlib.ExitStack() as held:
        try:
            lock = locks.try_lock(folder / "lock")
            assert lock is not None  # nobody else knows of the folder yet
            held.callback(lock.release)
            _reserve(folder / "reserve")
            yield folder
        except BaseException:
            if not (folder / _STATE).exists():  # nothing has begun that could be stored
                clear_away(folder)
            raise
    if folder.is_dir() and not (folder / _STATE).exists():
        clear_away(folder)  # on NFS the file of the lock could not go before the lock


@contextlib.contextmanager
def claim(run: RunState, *, wait: bool = False) -> Iterator[bool]:
    """Whether the caller may finish the run of a dead process, until the end of the block.

    False while another process finishes the run, or if the run lives after all, perhaps in a container with
    process numbers of its own. With `wait`, the call waits for the other process.
    """
    try:
        held = (locks.wait_lock if wait else locks.try_lock)(run.folder / "lock")
    except FileNotFoundError:  # another process has just finished the run
        held = None
    try:
        yield held is not None and (run.folder / _STATE).exists()
    finally:
        if held is not None:
            held.release()


def stale(local: LocalState) -> list[Path]:
    """The folders of runs that crashed before they were written down."""
    with contextlib.suppress(OSError):
        found = []
        for folder in local.runs.iterdir():
            if not (folder / _STATE).exists() and locks.is_abandoned(folder, "lock"):
                found.append(folder)
        return found
    return []


def sweep(local: LocalState) -> None:
    """Remove the folders of runs that crashed before they were written down."""
    for folder in stale(local):
        clear_away(folder)


def _reserve(path: Path) -> None:
    try:
        with path.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, _RESERVE)
            else:
                file.write(bytes(_RESERVE))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise errors.DiskFull(
                "The disk is full: there would be no room for the results.", "Free some space and run again."
            ) from error
        # Anything else is a file system that cannot reserve.


def live_runs(local: LocalState) -> Iterator[RunState]:
    """Yield the runs known here; unreadable folders are passed over."""
    try:
        folders = sorted(local.runs.iterdir())
    except OSError:
        return
    for folder in folders:
        try:
            run = _read(folder)
        except _UNREADABLE:
            continue
        yield run


def _opened(folder: Path) -> nofollow.Folder:
    """The folder of a run, opened; neither the folder nor any folder above may be a link."""
    top = folder.parents[2]  # Git's own
    return nofollow.opened(top, folder.relative_to(top).as_posix())


# The scope stands in state.json field by field, as versions up to 0.3 write and read it.
_AS_WRITTEN = {"in_store": "elsewhere"}


def _as_json(run: RunState) -> dict[str, object]:
    data: dict[str, object] = run._asdict()
    del data["folder"], data["scope"]
    data["process"] = run.process._asdict()
    data["child"] = None if run.child is None else run.child._asdict()
    data["others"] = [process._asdict() for process in run.others]
    for name, value in run.scope._asdict().items():
        data[_AS_WRITTEN.get(name, name)] = value
    return data


def _read(folder: Path) -> RunState:
    """The state in a folder's state.json; raises an error of `_UNREADABLE` if none can be read."""
    with _opened(folder) as opened:
        text = opened.read(_STATE).decode("utf-8", "surrogateescape")
    if "\\u0000" in text:
        raise ValueError("a path cannot have this")
    data = json.loads(text)
    child = data.get("child")
    exit_code, duration = data["exit_code"], data["duration"]
    return RunState(
        folder=folder,
        process=_process(data["process"]),
        root=str(data["root"]),
        git_dir=str(data["git_dir"]),
        baseline=str(data["baseline"]),
        tree=str(data["tree"]),
        scope=_scope(data),
        stamps={str(name): Stamp(*map(int, of)) for name, of in data["stamps"].items()},
        started=float(data["started"]),
        name=str(data["name"]),
        child=None if child is None else _process(child),
        others=tuple(map(_process, data.get("others", ()))),
        exit_code=None if exit_code is None else int(exit_code),
        interrupted=bool(data["interrupted"]),
        duration=None if duration is None else float(duration),
        seen_from=str(data.get("seen_from", "")),
        lock_tells=bool(data.get("lock_tells", False)),
    )


def _scope(data: Mapping[str, Any]) -> Scope:
    return Scope(
        project=paths_of([data.get("project", "")])[0],
        metrics=paths_of(data["metrics"]),
        written_params=paths_of(data["written_params"]),
        results=paths_of(data["results"]),
        max_size=int(data["max_size"]),
        declared=tuple(map(str, data.get("declared", ()))),  # a run of 0.1 has none of the following
        by_stages=paths_of(data.get("by_stages", ())),
        share=tuple(map(str, data.get("share", ()))),
        in_store=paths_of(data.get("elsewhere", ())),
        stored=paths_of(data.get("stored", ())),
        large=paths_of(data.get("large", ())),
        params=paths_of(data.get("params", ())),
        aside=paths_of(data.get("aside", ())),
        watched=paths_of(data.get("watched", ())),
        pointers=paths_of(data.get("pointers", ())),
        metric_patterns=paths_of(data.get("metric_patterns", ())),
        param_patterns=paths_of(data.get("param_patterns", ())),
        result_patterns=paths_of(data.get("result_patterns", ())),
        checkpoints=paths_of(data.get("checkpoints", ())),
    )


def paths_of(data: Iterable[object]) -> tuple[str, ...]:
    """Paths from a file; raises ValueError for a path out of the repository."""
    paths = tuple(map(str, data))
    if any(path.startswith("/") or ".." in path.split("/") for path in paths):
        raise ValueError("a path leads out of the repository")
    return paths


def _process(data: dict[str, object]) -> ProcessId:
    return ProcessId(str(data["host"]), int(str(data["pid"])), str(data["started"]))


def stamp(root: Path, names: Sequence[str]) -> dict[str, Stamp]:
    """The stamps of the existing files among `names`; a link has its target's."""
    stamps: dict[str, Stamp] = {}
    for name in names:
        path = root / name
        with contextlib.suppress(OSError):
            of = path.stat() if path.exists() else path.lstat()
            stamps[name] = Stamp(of.st_mtime_ns, of.st_ctime_ns, of.st_size, of.st_ino)
    return stamps


@contextlib.contextmanager
def workspace(local: LocalState, git_dir: Path) -> Iterator[None]:
    """Hold the workspace of one worktree for a run; raises WorkspaceBusy if another run has it."""
    # By a hash: two folders may be called alike, and a name may be as long as a file's may be.
    place = os.path.relpath(git_dir.resolve(), local.root.parent.resolve())
    name = f"workspace-{hashlib.sha256(os.fsencode(place)).hexdigest()[:16]}"
    lock = local.try_lock(name)
    if lock is None:
        going = [run.name for run in live_runs(local) if run.git_dir == str(git_dir)]
        who = f"{going[0]} is" if going and going[0] else "Another run is"
        raise errors.WorkspaceBusy(
            f"{who} going on in this workspace.",
            "Wait for it to end, or run beside it in a workspace of its own: gitexp run --temp",
        )
    try:
        yield
    finally:
        lock.release()
