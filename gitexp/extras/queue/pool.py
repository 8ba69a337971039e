"""Several workers started together, each a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import IO, Protocol

from gitexp import errors, plugins
from gitexp.extras.queue import workers
from gitexp.extras.queue.signals import presses
from gitexp.extras.queue.workers import USUAL, Orders, Worker, at_work
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.process.environment import machine
from gitexp.process.liveness import process_of
from gitexp.process.signals import OWN_GROUP
from gitexp.project.project import Project
from gitexp.project.sections.engine_choice import EngineChoice
from gitexp.words import counted

_EVERY = 0.5  # seconds between two looks at the experiments
_INTERVAL = 0.05  # seconds between two looks at whether a worker has ended
_GITEXP = (sys.executable, "-P", "-m", "gitexp")
_WORK = ("queue", "work")
# What numeric libraries take for the number of threads; without one they take all processors.
_THREADS = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
)


class Workforce(Protocol):
    """What runs queued experiments, until all have ended."""

    def wait(self, look: Callable[[], None], remark: Callable[[str], None]) -> bool:
        """Wait for the end of all; whether Ctrl-C was pressed."""

    def require_well(self) -> None:
        """Raise GitexpError if it has ended before its time."""

    @property
    def running(self) -> Mapping[str, Experiment]:
        """The runs that go on elsewhere. Their records here may still say otherwise."""


class Pool(NamedTuple):
    """Workers of this machine, started together.

    Attributes:
        project: the project of the workers.
        processes: their processes.
        said: the output of each.
        pressed: the times of Ctrl-C, also from before the start of the workers.
    """

    project: Project
    processes: Sequence[subprocess.Popen[bytes]]
    said: Sequence[IO[bytes]]
    pressed: Sequence[float]

    @property
    def running(self) -> Mapping[str, Experiment]:
        """None: the records of this repository say what runs."""
        return {}

    @property
    def going_on(self) -> int:
        """The number of workers that have not ended."""
        return sum(process.poll() is None for process in self.processes)

    def workers(self) -> list[Worker]:
        """The workers that live."""
        return workers_of(self.project, self.processes)

    def ask_to_stop(self) -> None:
        """Ask all workers to end after their present runs; the workers not yet at work, before the first."""
        for process in self.processes:
            if process.poll() is None:
                workers.ask_to_stop_early(self.project.local, process_of(process.pid))
        for worker in self.workers():
            worker.ask_to_stop()

    def end_now(self) -> None:
        """End all workers and their present runs; the runs are stored as interrupted."""
        self.ask_to_stop()
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)

    def wait(self, look: Callable[[], None], remark: Callable[[str], None]) -> bool:
        """Wait for the end of all workers; whether Ctrl-C was pressed.

        `look` is called every half second, and once at the end. Ctrl-C lets the workers finish their present
        runs; Ctrl-C once more ends the runs. `remark` gets words about both.
        """
        answered, due = 0, time.monotonic()
        while self.going_on:
            if len(self.pressed) > answered:
                answered += 1
                self._answer(answered, remark)
            if time.monotonic() >= due:
                look()
                due = time.monotonic() + _EVERY
            time.sleep(_INTERVAL)
        look()
        return len(self.pressed) > 0

    def _answer(self, pressed: int, remark: Callable[[str], None]) -> None:
        """React to Ctrl-C, pressed for the first time or again."""
        if pressed == 1:
            self.ask_to_stop()
            remark("The present runs are finished first; Ctrl-C again ends them now.")
        else:
            self.end_now()
            remark("The present runs are asked to end.")

    def require_well(self) -> None:
        """Raise GitexpError with the last words of a worker that has failed."""
        for process, said in zip(self.processes, self.said, strict=True):
            require_well(process, said)


def workforce(
    project: Project,
    jobs: int,
    names: Sequence[str],
    orders: Orders = USUAL,
    choice: EngineChoice | None = None,
) -> AbstractContextManager[Workforce]:
    """Give what runs the queued experiments of some names: workers of this machine, or a chosen engine."""
    if choice is None:
        return started(project, jobs, names, orders)
    found: AbstractContextManager[Workforce] = plugins.load("dispatch", "pool")(
        project, jobs, names, orders, choice
    )
    return found


def places_of(project: Project, choice: EngineChoice | None) -> Collection[str]:
    """The places where runs wait for workers: here (""), and for an engine also its Git remote, if any.

    Raises ConfigError and UsageError for an unknown engine.
    """
    if choice is None:
        return ("",)
    return ("", plugins.load("dispatch", "remote")(project, choice))


@contextlib.contextmanager
def started(project: Project, jobs: int, names: Sequence[str], orders: Orders = USUAL) -> Iterator[Pool]:
    """Give new workers for the queued experiments of some names.

    The block is to wait for them, also after Ctrl-C: `Pool.wait` answers it. If this process dies, they end
    after their present runs.
    """
    command = [*_WORK, *orders.words(), "--only", "--for", str(os.getpid())]
    with contextlib.ExitStack() as held:
        pressed = held.enter_context(presses())
        processes, said = [], []
        for at in range(jobs):
            words = held.enter_context(tempfile.TemporaryFile())
            found = environment(at, jobs, orders.gpus)
            process = begun(project, command, found, stdin=subprocess.PIPE, stderr=words)
            processes.append(held.enter_context(process))
            assert process.stdin is not None  # it is a pipe
            with contextlib.suppress(BrokenPipeError), process.stdin as names_of:
                names_of.write("\n".join(names).encode())
            said.append(words)
        yield Pool(project, processes, said, pressed)


def detach(project: Project, jobs: int, orders: Orders = USUAL) -> None:
    """Start workers that outlive this process, with their output kept."""
    for at in range(jobs):
        with workers.new_log(project.local) as log:
            found = environment(at, jobs, orders.gpus)
            process = begun(project, [*_WORK, *orders.words()], found, stderr=log, detached=True)
            workers.write_down(project.local, process_of(process.pid), log)
        process.returncode = 0  # nobody waits for it, and Python would warn of that


def begun(
    project: Project,
    words: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stderr: IO[bytes],
    detached: bool = False,
) -> subprocess.Popen[bytes]:
    """The process of a worker; `words` are the words of its command behind `gitexp`.

    Signals to the group of this process do not reach the worker; a detached one has no terminal either.
    """
    return subprocess.Popen(
        [*_GITEXP, *words],
        cwd=project.here,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=environment,
        start_new_session=detached,
        process_group=None if detached else OWN_GROUP,
    )


def threads_of(jobs: int) -> int | None:
    """The threads for each of several workers; None to tell them nothing."""
    if jobs < 2 or any(name in os.environ for name in _THREADS):
        return None
    return max(machine().cpus // jobs, 1)


def told_of_threads(jobs: int) -> str:
    """The end of a sentence about workers: the threads for each, if told."""
    threads = threads_of(jobs)
    if threads is None:
        return ""
    return f", each told to take {counted(threads, 'thread')}"


def environment(at: int, jobs: int, gpus: Sequence[str] = ()) -> dict[str, str]:
    """The environment of the worker with a number, from 0, of so many."""
    found = dict(os.environ)
    if gpus:
        found["CUDA_VISIBLE_DEVICES"] = gpus[at % len(gpus)]
    if (threads := threads_of(jobs)) is not None:
        found.update(dict.fromkeys(_THREADS, str(threads)))
    return found


def workers_of(project: Project, processes: Iterable[subprocess.Popen[bytes]]) -> list[Worker]:
    """The living workers that are some processes."""
    pids = {process.pid for process in processes}
    return [worker for worker in at_work(project.local) if worker.process.pid in pids]


def require_well(process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    """Raise GitexpError with the last words of a worker, if it has failed."""
    if process.poll() in (None, 0, -signal.SIGTERM):
        return
    said.seek(0)
    raise errors.GitexpError(
        f"A worker has ended with status {process.returncode}: {workers.last_words(said.read())}",
        "What it ran goes back to the queue, or is kept: the same command goes on.",
        code="worker-failed",
    )
