"""A command run to its end: without a trace of gitexp, but logged, timed and answered for."""

from __future__ import annotations

import errno
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gitexp.errors import GitexpError, StorageError
from gitexp.named_tuple import NamedTuple
from gitexp.process import shared_umask
from gitexp.process.log import LogFile
from gitexp.process.programs import find_program
from gitexp.process.signals import SignalRelay

if TYPE_CHECKING:
    from gitexp.process.guard import Guard

if sys.platform == "win32":
    from gitexp.process.threaded import ThreadedStreams as Streams
else:
    from gitexp.process.streams import Streams

_MERCY = 5.0  # seconds that a command has to end when gitexp itself fails


class Outcome(NamedTuple):
    """The end of a command.

    Attributes:
        exit_code: like a shell's: 128+N for death by signal N.
        interrupted: whether a signal reached gitexp meanwhile, or a limit was hit.
        signal: the first of Ctrl-C, SIGTERM, SIGHUP and SIGQUIT, whatever the command made of it.
        duration: seconds, by a monotonic clock.
        killed_by: the signal that the command died of.
    """

    exit_code: int
    interrupted: bool
    signal: int | None
    duration: float
    killed_by: int | None = None


def execute(
    command: Sequence[str] | str,
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: LogFile,
    stdout: int = 1,
    stderr: int = 2,
    on_start: Callable[[int], None] | None = None,
    guard: Guard | None = None,
) -> Outcome:
    """Run `command` in `cwd` to its end, its output shown on our descriptors and copied to `log`.

    A list runs without a shell, a string through a shell. Standard input belongs to the command. `on_start`
    gets the process id. `gitexp.process.signals` handles signals. `guard` may end the command. Raises
    command-not-found if the command cannot be started.
    """
    find_program(command, cwd, env)
    with Streams(stdout, stderr) as streams, SignalRelay(streams.resize, guard) as relay:
        begun = time.monotonic()
        process = _start(command, cwd, env, streams, relay)
        try:
            streams.started()
            relay.attach(process)
            if on_start is not None:
                on_start(process.pid)
            streams.copy(process, log, relay.poll)
        except BaseException:
            _end(process, relay)
            raise
        duration = time.monotonic() - begun
    return Outcome(
        exit_code=exit_code_of(process.returncode),
        interrupted=relay.is_ending,
        signal=relay.interrupted_by,
        duration=duration,
        killed_by=max(-process.returncode, 0) or None,
    )


def exit_code_of(status: int) -> int:
    """The exit code of a process in the manner of a shell; `status` is negative for death by a signal."""
    if status < 0:
        return 128 - status
    return status


def _start(
    command: Sequence[str] | str, cwd: Path, env: Mapping[str, str], streams: Streams, relay: SignalRelay
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            shell=isinstance(command, str),
            cwd=cwd,
            env=env,
            stdout=streams.stdout,
            stderr=streams.stderr,
            process_group=0 if relay.own_group else None,
            umask=shared_umask.of_user(),
        )
    except OSError as error:
        raise cannot_start(command, cwd, error) from error
    except ValueError as error:
        raise GitexpError(f"The command cannot be started: {error}.", code="command-not-found") from error


def cannot_start(command: Sequence[str] | str, cwd: Path, error: OSError) -> GitexpError:
    """The error for a program that `find_program` has found, and the system refuses."""
    if not cwd.is_dir():
        return StorageError(f"The folder to run in is gone: {cwd}")
    program = command if isinstance(command, str) else command[0]
    if isinstance(error, FileNotFoundError):
        return GitexpError(
            f"{program} cannot be started: the interpreter that its first line names is not there.",
            "Install it again, or correct the line that starts with #!",
            code="command-not-found",
        )
    hint = "Give it a first line that names its interpreter, such as #!/bin/sh"
    return GitexpError(
        f"{program} cannot be started: {error.strerror}.",
        hint if error.errno == errno.ENOEXEC else None,
        code="command-not-found",
    )


def _end(process: subprocess.Popen[bytes], relay: SignalRelay) -> None:
    """Leave no command behind when gitexp itself has failed."""
    relay.terminate()
    try:
        process.wait(_MERCY)
    except subprocess.TimeoutExpired:
        relay.kill()
        process.wait()
