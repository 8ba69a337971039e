"""Wall time and peak memory of whole processes, as the person at the prompt meets them.

All output is read while the process runs. Sides of one comparison take turns, so that a machine that
grows slow or warm does so for all of them. Needs a POSIX system.
"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

TIMEOUT = 1200.0  # seconds; the slowest run known takes five minutes
TERMINAL = (50, 160)  # rows and columns of the pseudo-terminal

_LAUNCHER = Path(__file__).with_name("launch.py")


class CommandError(Exception):
    """A measured command did not do its work: the first line says which and how, the others what it wrote."""


def nothing() -> None:
    """The preparation of a side that needs none."""


def accept(_output: bytes) -> None:
    """The check of a side whose output says nothing."""


@dataclass(frozen=True, slots=True)
class Side:
    """One tool's way of doing the work.

    `argv` is called for every run, so that no two runs need be the same; `before` is not timed;
    `check` is called with the output after every run and raises `CommandError` if it shows other work
    than was asked. `runs` lowers the number of runs of what takes long. `tty`: on a pseudo-terminal.
    `told` finds the seconds in the output, of a process that measures a part of its work itself.
    """

    argv: Callable[[], Sequence[str]]
    folder: Path
    env: Mapping[str, str]
    before: Callable[[], None] = nothing
    check: Callable[[bytes], None] = accept
    runs: int = 1_000_000
    warmups: int = 1
    tty: bool = False
    told: Callable[[bytes], float] | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured on one side: seconds of each run, and the largest peak of memory in MiB."""

    seconds: tuple[float, ...]
    memory: float

    @property
    def median(self) -> float:
        return median(self.seconds)

    def less(self, seconds: float) -> Sample:
        """This sample without a cost that is known to be in every run."""
        return Sample(tuple(each - seconds for each in self.seconds), self.memory)


def compare(sides: Mapping[str, Side], runs: int) -> dict[str, Sample]:
    """Warms each side up, then runs them in turns; the samples have the keys of `sides`."""
    for side in sides.values():
        for _ in range(side.warmups):
            _once(side)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for turn in range(runs):
        for name, side in sides.items():
            if turn < side.runs:
                taken[name].append(_once(side))
    return {
        name: Sample(tuple(seconds for seconds, _ in runs), max(memory for _, memory in runs))
        for name, runs in taken.items()
    }


def _once(side: Side) -> tuple[float, float]:
    """Seconds and peak memory in MiB of one run; raises CommandError."""
    side.before()
    argv = list(side.argv())
    with tempfile.TemporaryFile() as complaints:
        output, report = _run(argv, side, complaints.fileno())
        complaints.seek(0)
        said = complaints.read()
    seconds, status, kib = report or ("0", "none (killed, or never started)", "0")
    if status != "0":
        tail = (said or output).decode(errors="replace")[-2000:]
        raise CommandError(f"{' '.join([Path(argv[0]).name, *argv[1:]])}: exit status {status}\n{tail}")
    side.check(output)
    return float(seconds) if side.told is None else side.told(output), int(kib) / 1024


def _run(argv: Sequence[str], side: Side, complaints: int) -> tuple[bytes, list[str]]:
    """The output, and the launcher's three words (none if it could not say them)."""
    if side.tty:
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, TERMINAL)
    else:
        ours, theirs = os.pipe()
    listen, tell = os.pipe()
    with os.fdopen(ours, "rb", buffering=0) as output, os.fdopen(listen, "rb") as report:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCHER), str(tell), *argv],
            cwd=side.folder,
            env=dict(side.env),
            stdin=theirs if side.tty else subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs if side.tty else complaints,
            pass_fds=(tell,),
            start_new_session=True,
        )
        os.close(theirs)
        os.close(tell)
        timer = threading.Timer(TIMEOUT, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            return b"".join(_chunks(output.fileno())), report.read().decode().split()
        finally:
            timer.cancel()
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leaves nothing running behind an interrupted measurement."""
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _chunks(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(descriptor, 1 << 20)
        except OSError:  # Linux says so when the other end of a terminal is closed
            return
        if not chunk:
            return
        yield chunk
