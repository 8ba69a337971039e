"""Workers that are given one run after the other, each a process of its own.

A worker reads the name of a run from its standard input, runs it, and says so in its standard output. When
the input ends, because this process has ended, the worker ends too, after its present run.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from typing import IO, Protocol

from gitexp import plugins
from gitexp.extras.queue import pool
from gitexp.extras.queue.worker import work as run_all
from gitexp.extras.queue.workers import USUAL, enlisted, is_orphan
from gitexp.extras.sweep.pruning import GuardMaker, guard_of
from gitexp.model import Experiment
from gitexp.named_tuple import NamedTuple
from gitexp.process.guard import Guard
from gitexp.project.project import Project
from gitexp.project.sections.engine_choice import EngineChoice

_WORK = ("sweep", "work")


class TrialCrew(Protocol):
    """What runs experiments that are planned one after the other."""

    @property
    def is_busy(self) -> bool:
        """Whether a run goes on."""

    @property
    def has_room(self) -> bool:
        """Whether a run given now begins at once."""

    @property
    def running(self) -> Mapping[str, Experiment]:
        """The runs that go on elsewhere, and of which the records here may not know it yet."""

    def give(self, name: str) -> None:
        """Have a queued experiment run."""

    def wait(self, seconds: float) -> None:
        """Wait until a run has ended, or for some seconds."""

    def dismiss(self) -> None:
        """Begin no further runs."""

    def end_now(self) -> None:
        """End the present runs, which are stored as interrupted."""

    def require_well(self) -> None:
        """Raise GitexpError if it has ended before its time."""


@contextlib.contextmanager
def crew_of(project: Project, jobs: int, engine: EngineChoice | None, otherwise: int) -> Iterator[TrialCrew]:
    """Give what runs trials, `jobs` at a time: workers of this machine, or an engine.

    `otherwise`: how many at a time by an engine that is to decide, and takes any number.
    """
    with contextlib.ExitStack() as held:
        if engine is None:
            yield Crew(project, jobs, held)
        else:
            yield held.enter_context(
                plugins.load("dispatch", "crew")(project, jobs, USUAL, engine, otherwise)
            )


class Member(NamedTuple):
    """A worker of a crew.

    Attributes:
        process: its process.
        said: what it has said of errors.
    """

    process: subprocess.Popen[bytes]
    said: IO[bytes]


class Crew:
    """The workers of a sweep, at most `jobs`, begun when work waits for them."""

    def __init__(self, project: Project, jobs: int, held: contextlib.ExitStack) -> None:
        self._project = project
        self._jobs = jobs
        self._held = held
        self._members: list[Member] = []
        self._idle: list[Member] = []
        self._said: queue.SimpleQueue[tuple[Member, bool]] = queue.SimpleQueue()
        held.callback(self.dismiss)

    @property
    def running(self) -> Mapping[str, Experiment]:
        """None: the records of this repository say what runs."""
        return {}

    @property
    def is_busy(self) -> bool:
        """Whether a worker is at work."""
        return len(self._idle) < len(self._living())

    @property
    def has_room(self) -> bool:
        """Whether a run given now begins at once."""
        return bool(self._idle) or len(self._members) < self._jobs

    def give(self, name: str) -> None:
        """Have a worker run a queued experiment."""
        member = self._idle.pop() if self._idle else self._begun()
        assert member.process.stdin is not None  # it is a pipe
        with contextlib.suppress(BrokenPipeError):  # it has died; the run stays queued
            member.process.stdin.write(f"{name}\n".encode())
            member.process.stdin.flush()

    def wait(self, seconds: float) -> None:
        """Wait until a worker is free or has ended, or for some seconds."""
        with contextlib.suppress(queue.Empty):
            member, is_free = self._said.get(timeout=seconds)
            if is_free:
                self._idle.append(member)
            else:
                member.process.wait()
                if member in self._idle:
                    self._idle.remove(member)

    def dismiss(self) -> None:
        """Let the workers end after their present runs."""
        for member in self._members:
            assert member.process.stdin is not None  # it is a pipe
            with contextlib.suppress(BrokenPipeError):
                member.process.stdin.close()

    def end_now(self) -> None:
        """End the workers and their present runs, which are stored as interrupted."""
        for worker in pool.workers_of(self._project, [member.process for member in self._members]):
            worker.ask_to_stop()
        for member in self._living():
            member.process.send_signal(signal.SIGTERM)

    def require_well(self) -> None:
        """Raise GitexpError with the last words of a worker that has failed."""
        for process, said in self._members:
            pool.require_well(process, said)

    def _living(self) -> list[Member]:
        return [member for member in self._members if member.process.poll() is None]

    def _begun(self) -> Member:
        """A new worker."""
        said = tempfile.TemporaryFile()  # noqa: SIM115  # the stack closes it
        self._held.enter_context(said)
        process = pool.begun(
            self._project,
            [*_WORK, "--for", str(os.getpid())],
            pool.environment(len(self._members), self._jobs),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        member = Member(self._held.enter_context(process), said)
        self._members.append(member)
        self._held.callback(self.dismiss)  # before the process is waited for
        threading.Thread(target=self._listen, args=[member], daemon=True).start()
        return member

    def _listen(self, member: Member) -> None:
        """Pass on what a worker says, until it ends."""
        assert member.process.stdout is not None  # it is a pipe
        for _ in member.process.stdout:
            self._said.put((member, True))
        self._said.put((member, False))


def _guard(project: Project, name: str) -> GuardMaker:
    """What makes the guard over the run of a trial."""
    experiment = project.store.get(name)
    return guard_of(project, experiment) if isinstance(experiment, Experiment) else Guard


def work(project: Project, names: Iterator[str], parent: int) -> None:
    """Be a worker: run the experiments of some names in turn, and report the end of each."""
    with enlisted(project.local) as worker:
        for line in names:
            name = line.strip()
            guard = _guard(project, name)
            run_all(project, worker, USUAL, {name}, lambda: is_orphan(parent), guard)
            if worker.is_to_stop:
                return
            sys.stdout.write("free\n")
            sys.stdout.flush()
