"""The workers of this machine: `<git-common-dir>/gitexp/workers/<name>/`, safe to lose.

worker.json  the process
lock         locked by the worker while it lives
stop         there if the worker is to end after its present run; with the start of a process not yet a worker
one-run      there if a signal is to end the worker's present run alone
log          of a worker that goes on when its starter has ended: what it has said
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from gitexp import errors, nofollow
from gitexp.folders import clear_away
from gitexp.model import ProcessId
from gitexp.named_tuple import NamedTuple
from gitexp.process.limits import GRACE, NO_LIMITS, Limits
from gitexp.process.liveness import current_process, is_alive
from gitexp.repo import live
from gitexp.repo.git.locking import locks
from gitexp.repo.local import LocalState
from gitexp.words import shorten

_FACTS = "worker.json"
_LOG = "log"
_ERROR = "error: "
MAX_RETRIES = 2  # of a run whose workers die
_PATIENCE = 20.0  # seconds to store what ended runs have, before somebody stops waiting
_INTERVAL = 0.05
_MOST = 1 << 20  # bytes that are read of a file
_UNREADABLE = (OSError, ValueError, TypeError, LookupError)


class Worker(NamedTuple):
    """A process that runs queued experiments.

    Attributes:
        name: its name in records.
        folder: its folder.
        process: its process.
    """

    name: str
    folder: Path
    process: ProcessId

    @property
    def is_to_stop(self) -> bool:
        """Whether somebody has asked the worker to end after its present run."""
        return not self.folder.is_dir() or (self.folder / "stop").exists()

    def has_to_go_on(self) -> bool:
        """Whether somebody has ended the present run alone, since this was asked last."""
        try:
            (self.folder / live.ONE_RUN).unlink()
        except OSError:
            return False
        return True

    def end_now(self) -> None:
        """End the worker and its present run, to be stored as interrupted."""
        self.ask_to_stop()
        if is_alive(self.process):
            os.kill(self.process.pid, signal.SIGTERM)

    def ask_to_stop(self) -> None:
        """Ask the worker to end after its present run."""
        with contextlib.suppress(FileNotFoundError), _opened(self.folder) as folder:  # it has ended meanwhile
            folder.mark("stop")


class Orders(NamedTuple):
    """The orders for new workers.

    Attributes:
        max_retries: how often a run whose worker has died goes back to the queue.
        keep_worktree: leave the workspace of a failed run unchanged.
        limits: limits of the runs without limits of their own.
        remote: the Git remote with the queue; None for the queue here.
        gpus: the GPUs of all workers, dealt out in turn; () for the GPUs found by each run.
        environment: what builds the environments of runs, for a job of an engine; "" for none.
        scratch: a folder on a disk of this machine alone, for the workspaces of runs; "" for the repository.
        engine, job: the engine, and its job, that the worker is; "" for a worker of no engine.
    """

    max_retries: int = MAX_RETRIES
    keep_worktree: bool = False
    limits: Limits = NO_LIMITS
    remote: str | None = None
    gpus: Sequence[str] = ()
    engine: str = ""
    job: str = ""
    scratch: str = ""
    environment: str = ""

    def words(self) -> list[str]:
        """The orders on the command line of a worker; its GPUs stand in its environment."""
        words = ["--max-retries", str(self.max_retries)]
        if self.keep_worktree:
            words.append("--keep-worktree")
        if self.remote is not None:
            words += ["--remote", self.remote]
        if self.limits.timeout is not None:
            words += ["--timeout", f"{self.limits.timeout}"]
        if self.limits.memory is not None:
            words += ["--max-memory", f"{self.limits.memory}"]
        return words


USUAL = Orders()


class Fallen(NamedTuple):
    """A worker with an unseen bad end.

    Attributes:
        name: its name.
        words: the known part of the reason.
        log: the file with the worker's output.
    """

    name: str
    words: str
    log: Path


@contextlib.contextmanager
def enlisted(local: LocalState) -> Iterator[Worker]:
    """Give a new worker, this process, until the end of the block.

    After an error, the folder of a worker with a log stays.
    """
    local.prepare()
    process = current_process()
    with contextlib.ExitStack() as held:
        name = name_of(process)
        while (folder := _free_folder(local, name, held)) is None:  # a container has numbers of its own
            name += "-2"
        _write_facts(folder, process)
        try:
            yield Worker(name, folder, process)
        except BaseException:
            if not (folder / _LOG).exists():  # somebody waits for it, and is told
                clear_away(folder)
            raise
        clear_away(folder)


def name_of(process: ProcessId) -> str:
    """The name of a worker."""
    return f"{process.host}-{process.pid}"


def _opened(folder: Path) -> nofollow.Folder:
    """The folder of a worker, opened; raises OSError. An archive may bring links and pipes in its place."""
    return nofollow.opened(folder.parent.parent, f"{folder.parent.name}/{folder.name}")


def _write_facts(folder: Path, process: ProcessId) -> None:
    _put(folder, _FACTS, json.dumps({"process": process._asdict()}))


def _put(folder: Path, name: str, text: str) -> None:
    """Write a file of a worker; the worker and its starter may do so at the same time."""
    with _opened(folder) as opened, os.fdopen(opened.open(name, os.O_WRONLY | os.O_CREAT), "wb") as file:
        file.truncate()
        file.write(text.encode())


def _free_folder(local: LocalState, name: str, held: contextlib.ExitStack) -> Path | None:
    """The folder of a worker, locked until the end of the stack; None if a living worker has it."""
    folder = local.workers / name
    folder.mkdir(parents=True, exist_ok=True)
    lock = locks.try_lock(folder / "lock")
    if lock is None:
        return None
    held.callback(lock.release)
    if not _is_for(folder, current_process()):
        (folder / "stop").unlink(missing_ok=True)  # for a dead process with the same number
    return folder


def ask_to_stop_early(local: LocalState, process: ProcessId) -> None:
    """Ask a new process to end before its first run as a worker."""
    folder = local.workers / name_of(process)
    with contextlib.suppress(OSError):  # it is at work already, and ending
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / _FACTS).exists():
            _write_facts(folder, process)
            _put(folder, "stop", process.started)


def _is_for(folder: Path, process: ProcessId) -> bool:
    """Whether a process was asked to stop before it was a worker, with this folder."""
    try:
        with _opened(folder) as opened:
            return bool(process.started) and opened.read("stop", _MOST) == process.started.encode()
    except OSError:
        return False


@contextlib.contextmanager
def new_log(local: LocalState) -> Iterator[IO[bytes]]:
    """Give a new file for a worker's output; `write_down` keeps the file."""
    local.prepare()
    local.workers.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=local.workers, prefix=".", suffix=".log", delete=False) as log:
        try:
            yield log
        finally:
            Path(log.name).unlink(missing_ok=True)


def write_down(local: LocalState, process: ProcessId, log: IO[bytes]) -> None:
    """Write down a worker just started, with its log: the worker itself may die before."""
    folder = local.workers / name_of(process)
    with contextlib.suppress(OSError):  # it has ended already, and well
        folder.mkdir(exist_ok=True)
        Path(log.name).rename(folder / _LOG)
        if not (folder / _FACTS).exists():
            # Without a start it has ended already: no process has this one.
            _write_facts(folder, process._replace(started=process.started or "ended"))


def at_work(local: LocalState) -> list[Worker]:
    """The living workers, by name; the folders of dead ones without a log are removed.

    On a disk of many machines these are the workers of all of them: the locks tell which live.
    """
    found = []
    for worker in _known(local):
        if _lives(worker):
            found.append(worker)
        elif not (worker.folder / _LOG).exists():
            clear_away(worker.folder)
    return found


def _lives(worker: Worker) -> bool:
    """Whether a worker lives, as far as can be known: here, or on another machine with the same disk."""
    alive, lock = is_alive(worker.process), worker.folder / "lock"
    if alive or not locks.are_files(lock):
        return alive is not False
    return locks.is_held(lock)


def end_now(local: LocalState, found: Sequence[Worker]) -> None:
    """End some workers and their present runs, and wait; raises GitexpError for workers still running.

    Workers of other machines are asked to end after their present runs, and named.
    """
    for worker in found:
        worker.end_now()
    until = time.monotonic() + GRACE + _PATIENCE
    while left := [worker.name for worker in found if is_alive(worker.process)]:
        if time.monotonic() > until:
            raise errors.GitexpError(
                f"Not ended yet: {shorten(left)}.",
                "They store what their runs have so far: gitexp queue shows when that is done.",
                code="still-running",
            )
        time.sleep(_INTERVAL)
    if left := [worker.name for worker in at_work(local) if worker in found]:  # takes folders away
        raise errors.GitexpError(
            f"On other machines, and asked to end after their present runs: {shorten(left)}.",
            "To end them at once: gitexp queue stop --kill on their machines.",
            code="still-running",
        )


def fallen(local: LocalState) -> list[Fallen]:
    """The workers with an unseen bad end."""
    found = []
    for worker in _known(local):
        if is_alive(worker.process) is False:
            with contextlib.suppress(OSError), _opened(worker.folder) as folder:
                said = last_words(folder.end_of(_LOG, _MOST))
                found.append(Fallen(worker.name, said, worker.folder / _LOG))
    return found


def forget_fallen(local: LocalState) -> None:
    """Remove the folders of workers with a bad end."""
    for one in fallen(local):
        clear_away(one.log.parent)


def last_words(said: bytes) -> str:
    """The error in a worker's output, or else the last line."""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    for line in reversed(lines):
        if line.startswith(_ERROR):
            return line.removeprefix(_ERROR)
    return lines[-1] if lines else "it said nothing, so it was killed, or the machine went down"


def _known(local: LocalState) -> list[Worker]:
    """The workers with a folder, living or dead, by name."""
    found = []
    with contextlib.suppress(OSError):
        for folder in sorted(local.workers.iterdir()):
            with contextlib.suppress(*_UNREADABLE):
                found.append(_read(folder))
    return found


def _read(folder: Path) -> Worker:
    """The worker of a folder; raises one of `_UNREADABLE` if the folder does not say."""
    with _opened(folder) as opened:
        facts = json.loads(opened.read(_FACTS, _MOST))
    process = facts["process"]
    who = ProcessId(str(process["host"]), int(process["pid"]), str(process["started"]))
    return Worker(folder.name, folder, who)


def is_orphan(parent: int) -> bool:
    """Whether the parent process, with the number `parent`, has died; 0: nobody waits."""
    return parent != 0 and os.getppid() != parent
