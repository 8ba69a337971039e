"""Several commands at a time: each to its end, its output in a file of its own, signals passed on to all."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gitexp.errors import GitexpError, StorageError
from gitexp.nofollow import opener
from gitexp.process import shared_umask
from gitexp.process.execute import Outcome, cannot_start, exit_code_of
from gitexp.process.signals import SignalRelay

if TYPE_CHECKING:
    from gitexp.process.guard import Guard

_TICK = 0.02  # seconds between looks at them
_NOT_STARTED = 127  # what a shell says of a command that is not there
_MERCY = 5.0  # seconds that they have to end when gitexp itself fails

Command = Sequence[str] | str


@dataclass(slots=True)
class _StageJob:
    """The commands of one job, the first of them running."""

    process: subprocess.Popen[bytes]
    waiting: list[Command]
    cwd: Path
    env: Mapping[str, str]
    output: IO[bytes]
    begun: float = field(default_factory=time.monotonic)


class Jobs:
    """Processes at the same time; a context manager that ends the rest after a failure of gitexp."""

    def __init__(
        self, on_start: Callable[[int], None] = lambda pid: None, guard: Guard | None = None
    ) -> None:
        self._on_start = on_start
        self._relay = SignalRelay(lambda: None, guard)
        self._jobs: dict[str, _StageJob] = {}

    def __enter__(self) -> Jobs:
        self._relay.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._end()
        finally:
            self._relay.__exit__(*error)

    @property
    def interrupted(self) -> bool:
        """Whether a signal has come to end all jobs, or a limit was hit: then start none."""
        return self._relay.is_ending

    def start(
        self, name: str, commands: Sequence[Command], *, cwd: Path, env: Mapping[str, str], output: Path
    ) -> None:
        """Start a job: its commands run in order, until the first failure; `output` takes their output.

        Raises command-not-found or StorageError if the first cannot be started.
        """
        first, *rest = commands
        try:
            file = os.fdopen(opener(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb")
        except OSError as error:
            raise StorageError(f"Cannot write the log {output}: {error.strerror}.") from error
        try:
            process = self._started(first, cwd, env, file)
        except BaseException:
            file.close()
            raise
        self._jobs[name] = _StageJob(process, rest, cwd, env, file)

    def wait(self) -> tuple[str, Outcome]:
        """Wait until a job has ended; return its name, and how it did."""
        while True:
            for name, job in self._jobs.items():
                if job.process.poll() is not None and (outcome := self._outcome(job)) is not None:
                    del self._jobs[name]
                    return name, outcome
            self._relay.poll()
            time.sleep(_TICK)

    def _outcome(self, job: _StageJob) -> Outcome | None:
        """The end of a job; None if its next command runs now."""
        self._relay.poll()  # a Ctrl-C that ended the command has reached us too
        status: int = job.process.returncode
        if status == 0 and job.waiting and not self.interrupted:
            try:
                job.process = self._started(job.waiting.pop(0), job.cwd, job.env, job.output)
                return None
            except GitexpError as error:
                job.output.write(f"{error.message}\n".encode())
                status = _NOT_STARTED
        job.output.close()
        return Outcome(
            exit_code=exit_code_of(status),
            interrupted=self.interrupted,
            signal=self._relay.interrupted_by,
            duration=time.monotonic() - job.begun,
        )

    def _started(
        self, command: Command, cwd: Path, env: Mapping[str, str], output: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        self._relay.unblock()
        try:
            process = subprocess.Popen(
                command,
                shell=isinstance(command, str),
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,  # several cannot share a terminal
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0 if self._relay.own_group else None,
                umask=shared_umask.of_user(),
            )
        except OSError as error:
            raise cannot_start(command, cwd, error) from error
        self._relay.attach(process)
        self._on_start(process.pid)
        return process

    def _end(self) -> None:
        self._relay.terminate()
        deadline = time.monotonic() + _MERCY
        for job in self._jobs.values():
            try:
                job.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._relay.kill()
                job.process.wait()
            job.output.close()
