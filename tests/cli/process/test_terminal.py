"""A run in a terminal: what the command sees, what the person sees, and what their keys do."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.process.conftest import driver, python
from tests.cli.process.driver import outcome_in
from tests.support.processes import run_with_pty

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")

# Says how many SIGINTs it got within the time that a second one would have taken.
COUNTS_CTRL_C = """
import signal, time
count = 0
def handler(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, handler)
print("ready", flush=True)
while not count: time.sleep(0.01)
time.sleep(0.5)
print("got", count, flush=True)
"""


def shell(line: str) -> list[str]:
    return ["sh", "-c", line]


def test_the_command_sees_a_terminal_of_the_same_size(tmp_path: Path) -> None:
    program = "import os\nfor fd in 0, 1, 2: print(os.isatty(fd), tuple(os.get_terminal_size(fd)))"
    terminal = run_with_pty(driver(tmp_path, python(program)), cols=67, rows=19)
    assert terminal.lines == ["True (67, 19)"] * 3
    assert outcome_in(tmp_path).exit_code == 0


def test_the_log_has_the_bytes_as_written_and_the_terminal_makes_lines_of_them(tmp_path: Path) -> None:
    terminal = run_with_pty(driver(tmp_path, shell(r"printf 'one\n\033[31mtwo\033[0m\r\n50%%\r100%%\n\tx'")))
    assert (tmp_path / "log").read_bytes() == b"one\n\x1b[31mtwo\x1b[0m\r\n50%\r100%\n\tx"
    assert terminal.raw == b"one\r\n\x1b[31mtwo\x1b[0m\r\r\n50%\r100%\r\n\tx"


def test_stderr_stays_a_terminal_where_stdout_is_piped(tmp_path: Path) -> None:
    program = "import os, sys; print([os.isatty(fd) for fd in (0, 1, 2)], file=sys.stderr); print('piped')"
    line = f"{shlex.join(driver(tmp_path, python(program)))} | tr a-z A-Z"
    # Two streams, so either may come first, also before the other's end of line.
    seen = "".join(run_with_pty(shell(line)).lines)
    assert seen in ("PIPED[True, False, True]", "[True, False, True]PIPED")


def test_the_order_of_both_streams_is_kept(tmp_path: Path) -> None:
    terminal = run_with_pty(driver(tmp_path, shell("for i in 1 2 3; do echo o$i; echo e$i >&2; done")))
    assert terminal.lines == ["o1", "e1", "o2", "e2", "o3", "e3"]


def test_the_command_reads_from_the_terminal(tmp_path: Path) -> None:
    terminal = run_with_pty(
        driver(tmp_path, python("print('hello', input('name? '))")), keys=[("name?", "Ada\r")]
    )
    assert terminal.lines[-1] == "hello Ada"
    assert (tmp_path / "log").read_bytes() == b"name? hello Ada\n"


def test_a_reader_that_stops_early_ends_nothing(tmp_path: Path) -> None:
    program = "for i in range(20000): print(i)"
    line = f"{shlex.join(driver(tmp_path, python(program)))} | head -n 1"
    assert run_with_pty(shell(line)).lines == ["0"]
    assert outcome_in(tmp_path).exit_code == 0
    assert (tmp_path / "log").read_bytes().endswith(b"\n19999\n")


def test_ctrl_c_reaches_the_command_exactly_once(tmp_path: Path) -> None:
    terminal = run_with_pty(driver(tmp_path, python(COUNTS_CTRL_C)), keys=[("ready", "\x03")])
    assert terminal.lines[-1].endswith("got 1")  # after the terminal's own ^C
    outcome = outcome_in(tmp_path)
    assert (outcome.exit_code, outcome.interrupted, outcome.signal) == (0, True, signal.SIGINT)


def test_a_command_may_save_on_ctrl_c(tmp_path: Path) -> None:
    program = """
import time
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("saved")
"""
    terminal = run_with_pty(driver(tmp_path, python(program)), keys=[("ready", "\x03")])
    assert terminal.lines[-1].endswith("saved")
    assert outcome_in(tmp_path).interrupted


def test_ctrl_c_ends_a_command_that_does_not_mind(tmp_path: Path) -> None:
    run_with_pty(driver(tmp_path, shell("echo ready; exec sleep 60")), keys=[("ready", "\x03")])
    outcome = outcome_in(tmp_path)
    assert (outcome.exit_code, outcome.interrupted) == (128 + signal.SIGINT, True)


def test_the_third_ctrl_c_kills(tmp_path: Path) -> None:
    program = """
import signal, time
signal.signal(signal.SIGINT, lambda *_: print("no", flush=True))
print("ready", flush=True)
while True: time.sleep(1)
"""
    keys = [("ready", "\x03"), ("no", "\x03"), ("no", "\x03")]
    run_with_pty(driver(tmp_path, python(program)), keys=keys)
    assert outcome_in(tmp_path).exit_code == 128 + signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="who sent a signal is known on Linux alone")
def test_a_kill_that_only_gitexp_got_is_passed_on(tmp_path: Path) -> None:
    program = COUNTS_CTRL_C.replace("while not count", "import os; os.kill(os.getppid(), 2)\nwhile not count")
    terminal = run_with_pty(driver(tmp_path, python(program)))
    assert terminal.lines[-1] == "got 1"
    assert outcome_in(tmp_path).signal == signal.SIGINT


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1"])
def test_other_signals_are_passed_on(tmp_path: Path, name: str) -> None:
    program = f"""
import os, signal, time
def handler(*_):
    print("got {name}")
    raise SystemExit(9)
signal.signal(signal.{name}, handler)
os.kill(os.getppid(), signal.{name})
time.sleep(60)
"""
    assert run_with_pty(driver(tmp_path, python(program))).lines == [f"got {name}"]
    outcome = outcome_in(tmp_path)
    assert outcome.exit_code == 9
    assert outcome.interrupted == (name != "SIGUSR1")


def test_a_new_size_of_the_terminal_reaches_the_command(tmp_path: Path) -> None:
    program = """
import fcntl, os, signal, struct, termios, time
sizes = []
signal.signal(signal.SIGWINCH, lambda *_: sizes.append(tuple(os.get_terminal_size(1))))
fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 101, 0, 0))  # as the terminal's window would
while not sizes or sizes[-1] != (101, 30): time.sleep(0.01)
print("resized")
"""
    assert run_with_pty(driver(tmp_path, python(program))).lines == ["resized"]


def test_ctrl_z_stops_both_and_fg_goes_on(tmp_path: Path) -> None:
    program = "print('ready', flush=True); input(); print('done')"
    line = f"set -m; {shlex.join(driver(tmp_path, python(program)))}; echo stopped; fg"
    terminal = run_with_pty(["bash", "-c", line], keys=[("ready", "\x1a"), ("stopped", "\r")])
    assert terminal.lines[-1] == "done"
    outcome = outcome_in(tmp_path)
    assert (outcome.exit_code, outcome.interrupted) == (0, False)
