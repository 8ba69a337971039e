"""The guard over the processes of a run: at a limit, after a signal, and at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gitexp.process import descendants, guard
from gitexp.process.execute import Outcome, execute
from gitexp.process.guard import Guard
from gitexp.process.limits import Limits
from gitexp.process.log import LogFile
from tests.cli.process.conftest import python, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of all processes")

# The guard looks through all processes of the machine; another suite may be at work there.
MARK = f"GUARDED={os.getpid()}"
LONG = f"61.{os.getpid()}"  # seconds
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
# A process in a session of its own, whose parent ends at once: nothing but the system knows whose it is.
ORPHAN = (
    f'import subprocess, sys; code = \'import subprocess; subprocess.Popen(["sleep", "{LONG}"],'
    " start_new_session=True)'; subprocess.run([sys.executable, '-c', code])"
)


def guarded(folder: Path, watcher: Guard, program: str) -> Outcome:
    with LogFile.create(folder / "log") as log, (folder / "out").open("wb") as out:
        env = {**os.environ, "GUARDED": str(os.getpid())}
        screen = out.fileno()
        command = python(program)
        return execute(command, cwd=folder, env=env, log=log, stdout=screen, stderr=screen, guard=watcher)


def has_sleeper() -> bool:
    found = subprocess.run(["pgrep", "-f", f"^sleep {LONG}$"], capture_output=True, check=False)
    return found.returncode == 0


def test_a_command_that_ignores_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "GRACE", 0.3)
    with Guard(Limits(timeout=2.0), MARK) as watcher:  # time enough to begin to ignore it
        outcome = guarded(tmp_path, watcher, STUBBORN)
    assert (outcome.killed_by, outcome.interrupted, outcome.signal) == (9, True, None)
    assert watcher.reason == "timeout"


def test_the_memory_of_all_processes_counts(tmp_path: Path) -> None:
    child = "import time; held = bytearray(60_000_000); time.sleep(60)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with Guard(Limits(memory=50_000_000), MARK) as watcher:
        outcome = guarded(tmp_path, watcher, program)
    assert (outcome.exit_code, watcher.reason) == (143, "memory")


def test_memory_that_processes_share_counts_once(tmp_path: Path) -> None:
    program = (
        "import os, time; held = bytearray(60_000_000)\n"
        "for _ in range(3):\n    if not os.fork(): time.sleep(1); os._exit(0)\n"
        "for _ in range(3): os.wait()\n"
    )
    with Guard(Limits(memory=150_000_000), MARK) as watcher:
        outcome = guarded(tmp_path, watcher, program)
    assert (outcome.exit_code, watcher.reason) == (0, "")


def test_a_process_that_has_just_ended_has_no_memory() -> None:
    """Its size from a moment before would be counted whole, shared memory too, and end an innocent run."""
    ended = os.fork()
    if not ended:
        os._exit(0)
    os.waitid(os.P_PID, ended, os.WEXITED | os.WNOWAIT)  # it stays a zombie
    assert descendants.own_memory(ended) == 0
    os.waitpid(ended, 0)
    assert descendants.own_memory(ended) == 0
    assert (descendants.own_memory(os.getpid()) or 0) > 1_000_000


def test_what_is_left_in_the_background_ends_and_nothing_else(tmp_path: Path) -> None:
    own = [subprocess.Popen(["sleep", "62"])]  # as Git is for gitexp
    with Guard(Limits(), MARK) as watcher:
        later = threading.Timer(0.1, lambda: own.append(subprocess.Popen(["sleep", "62"])))
        later.start()
        assert guarded(tmp_path, watcher, ORPHAN).exit_code == 0
        later.join()
        assert has_sleeper()
    assert watcher.ended == 1
    wait_for(lambda: not has_sleeper())
    for process in own:
        with process:
            assert process.poll() is None
            process.kill()
