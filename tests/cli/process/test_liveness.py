"""Whether a process is still the one that a record names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gitexp.model import ProcessId
from gitexp.process.liveness import _started, current_process, is_alive

IDENTIFY = """
from gitexp.process.liveness import current_process
this = current_process()
print(this.host, this.pid, this.started, flush=True)
input()
"""


def identified(process: subprocess.Popen[str]) -> ProcessId:
    assert process.stdout is not None
    host, pid, started = process.stdout.readline().strip().split(" ", 2)
    return ProcessId(host, int(pid), started)


def started(program: str = sys.executable) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [program, "-c", IDENTIFY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )


def test_this_process_is_alive() -> None:
    assert is_alive(current_process())
    assert current_process() == current_process()
    assert current_process().pid == os.getpid()


def test_another_process_is_alive_until_it_ends() -> None:
    command = [sys.executable, "-c", IDENTIFY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        other = identified(process)
        assert is_alive(other) is True
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_alive(other) is False  # a zombie, not waited for yet
    assert is_alive(other) is False


def test_a_later_process_with_the_same_pid_is_another() -> None:
    assert is_alive(current_process()._replace(started="boot:1")) is False


def test_another_host_cannot_be_known() -> None:
    assert is_alive(current_process()._replace(host="elsewhere")) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_another_container_with_this_name_cannot_be_known() -> None:
    me = current_process()
    boot, ticks, namespace = me.started.split(":")
    assert is_alive(me._replace(started=f"{boot}:{ticks}:{int(namespace) + 1}")) is None
    assert is_alive(me._replace(started=f"{boot}:{ticks}")) is True  # as version 0.2 wrote it
    assert is_alive(me._replace(started=f"{boot}:{ticks}9:{namespace}")) is False


@pytest.mark.parametrize("pid", [0, -1, 2**22 + 1, 2**70])
def test_a_pid_that_cannot_be(pid: int) -> None:
    assert is_alive(current_process()._replace(pid=pid)) is False


@pytest.mark.skipif(sys.platform != "linux", reason="about the format of /proc")
def test_a_program_with_an_awkward_name(tmp_path: Path) -> None:
    program = tmp_path / "a) R 1 (b"
    program.symlink_to(Path(shutil.which("sleep") or "/bin/sleep"))
    process = subprocess.Popen([str(program), "60"])
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text()
        assert (_started(process.pid) or "").split(":")[1] == stat.rpartition(")")[2].split()[19]
    finally:
        process.kill()
        process.wait()
