"""Signals where there is no terminal: CI, nohup, another program's subprocess."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gitexp.process.signals import SignalRelay
from tests.cli.process.conftest import driver, python, wait_for
from tests.cli.process.driver import outcome_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no POSIX signals on Windows")

Start = Callable[[Sequence[str]], subprocess.Popen[bytes]]

TELLS = """
import pathlib, signal, sys, time
def handler(signum, _):
    print("got", signum, flush=True)
    if signum not in (signal.SIGUSR1, signal.SIGUSR2): sys.exit(9)
for signum in (1, 2, 3, 15, signal.SIGUSR1, signal.SIGUSR2): signal.signal(signum, handler)
pathlib.Path("ready").touch()
while True: time.sleep(0.05)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])
def test_an_interrupting_signal_is_passed_on(background: Start, tmp_path: Path, name: str) -> None:
    signum = signal.Signals[name]
    process = background(python(TELLS))
    process.send_signal(signum)
    assert process.wait(30) == 0
    outcome = outcome_in(tmp_path)
    assert (outcome.exit_code, outcome.interrupted, outcome.signal) == (9, True, signum)
    assert (tmp_path / "log").read_bytes() == b"got %d\n" % signum


def test_user_signals_are_passed_on_and_interrupt_nothing(background: Start, tmp_path: Path) -> None:
    process = background(python(TELLS))
    process.send_signal(signal.SIGUSR1)
    wait_for(lambda: (tmp_path / "log").read_bytes(), "the first signal")
    process.send_signal(signal.SIGUSR2)
    wait_for(lambda: len((tmp_path / "log").read_bytes().splitlines()) == 2, "the second signal")
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    assert outcome_in(tmp_path).signal == signal.SIGTERM


def test_the_whole_group_of_the_command_is_reached(background: Start, tmp_path: Path) -> None:
    process = background(["sh", "-c", "sleep 60 & echo $! >pid; touch ready; wait; echo never"])
    process.terminate()
    assert process.wait(30) == 0
    assert outcome_in(tmp_path).exit_code == 128 + signal.SIGTERM
    sleeper = int((tmp_path / "pid").read_text())
    wait_for(lambda: not _running(sleeper), "the sleeper's death")


def test_the_third_ctrl_c_kills(background: Start, tmp_path: Path) -> None:
    process = background(python(TELLS.replace("sys.exit(9)", "pass")))
    for count in (1, 2, 3):
        process.send_signal(signal.SIGINT)
        if count < 3:
            wait_for(lambda: len((tmp_path / "log").read_bytes().splitlines()) == count, "the signal")  # noqa: B023
    process.wait(30)
    assert outcome_in(tmp_path).exit_code == 128 + signal.SIGKILL


def test_what_was_ignored_stays_ignored(tmp_path: Path) -> None:
    program = "import os, signal; os.kill(os.getppid(), 1); print(signal.getsignal(1) is signal.SIG_IGN)"
    command = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *driver(tmp_path, python(program))]
    answer = subprocess.run(command, capture_output=True, check=True, start_new_session=True, timeout=30)
    assert answer.stdout == b"True\n"
    assert not outcome_in(tmp_path).interrupted


def test_a_signal_before_the_start_reaches_the_command() -> None:
    with SignalRelay(lambda: None) as relay:
        os.kill(os.getpid(), signal.SIGTERM)
        process = subprocess.Popen(["sleep", "60"], process_group=0 if relay.own_group else None)
        relay.attach(process)
        assert process.wait(30) == -signal.SIGTERM
    assert relay.interrupted_by == signal.SIGTERM


def test_a_signal_after_the_end_is_remembered_and_harms_nobody() -> None:
    with SignalRelay(lambda: None) as relay:
        process = subprocess.Popen(["true"])
        relay.attach(process)
        process.wait(30)
        os.kill(os.getpid(), signal.SIGHUP)
    assert relay.interrupted_by == signal.SIGHUP


def _running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
