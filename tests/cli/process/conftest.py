"""Commands for the tests: Python programs, run by `execute` here or by the driver in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from gitexp.process.execute import Outcome, execute
from gitexp.process.log import LogFile


def python(program: str) -> list[str]:
    """The command that runs a Python program."""
    return [sys.executable, "-c", program]


def driver(folder: Path, command: Sequence[str]) -> list[str]:
    """The command that runs `command` by `execute` in another process; see `tests.cli.process.driver`."""
    return [sys.executable, "-m", "tests.cli.process.driver", str(folder), *command]


def wait_for(condition: Callable[[], object], what: str = "the condition", timeout: float = 30.0) -> None:
    """Returns once the condition holds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"waited {timeout:g} s for {what}"
        time.sleep(0.01)


class Runner:
    """`execute` with files as its screens; `shown_out`, `shown_err` and `logged` are what was written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, command: Sequence[str] | str) -> Outcome:
        out, err = self.folder / "shown-out", self.folder / "shown-err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            return self.run_to(command, stdout.fileno(), stderr.fileno())

    def run_to(self, command: Sequence[str] | str, stdout: int, stderr: int) -> Outcome:
        with LogFile.create(self.folder / "log") as log:
            return execute(command, cwd=self.folder, env=os.environ, log=log, stdout=stdout, stderr=stderr)

    @property
    def shown_out(self) -> bytes:
        return (self.folder / "shown-out").read_bytes()

    @property
    def shown_err(self) -> bytes:
        return (self.folder / "shown-err").read_bytes()

    @property
    def logged(self) -> bytes:
        return (self.folder / "log").read_bytes()


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Callable[[Sequence[str]], subprocess.Popen[bytes]]]:
    """Starts the driver without a terminal, and returns it once its command has made the file `ready`."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(command: Sequence[str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            driver(tmp_path, command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        processes.append(process)
        wait_for((tmp_path / "ready").exists, "the command to be ready")
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
