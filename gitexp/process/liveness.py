"""Whether the process in a record still runs, on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from gitexp.model import ProcessId

_FIELDS = 3  # of a start on Linux: of the system, of the process in it, and the container


def current_process() -> ProcessId:
    """This process, not to be confused with a later process of the same pid."""
    return process_of(os.getpid())


def process_of(pid: int) -> ProcessId:
    """The present process with this number."""
    return ProcessId(host=_host(), pid=pid, started=_started(pid) or "")


def is_alive(process: ProcessId) -> bool | None:
    """Whether the process runs now; None for another host, another container or a hidden process.

    A zombie, which has ended but was not waited for yet, is not alive.
    """
    if process.host != _host() or not process.started or _is_elsewhere(process):
        return None
    if process.pid <= 0:
        return False
    started = _started(process.pid)
    if started is None and _hidden(process.pid):
        return None
    return started is not None and _without_namespace(started) == _without_namespace(process.started)


def is_there(process: ProcessId) -> bool:
    """Whether the process runs now and can be seen, whatever this machine is called by now."""
    if process.pid <= 0 or not process.started or _is_elsewhere(process):
        return False
    started = _started(process.pid)
    return started is not None and _without_namespace(started) == _without_namespace(process.started)


def is_of_this_start(process: ProcessId) -> bool:
    """Whether a process was started since this system was, on a machine with its name.

    False for a process of another machine of this name. Where a system does not tell its starts apart, True.
    """
    if process.host != _host():
        return False
    boot, colon, _ = (_started(os.getpid()) or "").partition(":")
    return not colon or sys.platform != "linux" or process.started.partition(":")[0] == boot


def was_here(process: ProcessId, seen_from: str) -> bool:
    """Whether a process of some machine with the same disk ran on this machine, under any host name.

    No process outlives a new start of the system. A process of the present start was here if its `namespace`
    is the same: it was in no other container. False also where nobody can know.
    """
    here, boot = namespace(), (_started(os.getpid()) or "").partition(":")[0]
    if not here or not process.started:
        return False
    return seen_from == here or not process.started.startswith(boot)


def namespace() -> str:
    """A name for all processes that can be seen from here; "" where there is none."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _is_elsewhere(process: ProcessId) -> bool:
    """Whether a process of the present start of the system has its number in another container."""
    here = (_started(os.getpid()) or "").split(":")
    there = process.started.split(":")
    both_tell = len(here) == len(there) == _FIELDS
    return both_tell and here[0] == there[0] and here[-1] != there[-1]


def _without_namespace(started: str) -> str:
    """The start of a process as versions before 0.3 wrote it."""
    fields = started.split(":")
    return ":".join(fields[:2]) if sys.platform == "linux" else started


def _host() -> str:
    """This machine's name without its domain, which a laptop changes with every network."""
    return socket.gethostname().partition(".")[0]


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _QUERY_LIMITED_INFORMATION = 0x1000
    _STILL_ACTIVE = 259

    def _started(pid: int) -> str | None:
        """When the process was created, in units of 100 ns since 1601; None if gone."""
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.OpenProcess.restype = wintypes.HANDLE
        handle = wintypes.HANDLE(kernel.OpenProcess(_QUERY_LIMITED_INFORMATION, False, pid))
        if not handle:
            return None
        try:
            status = wintypes.DWORD()
            kernel.GetExitCodeProcess(handle, ctypes.byref(status))
            created, exited, system, user = (wintypes.FILETIME() for _ in range(4))
            times = (ctypes.byref(each) for each in (created, exited, system, user))
            if status.value != _STILL_ACTIVE or not kernel.GetProcessTimes(handle, *times):
                return None
            return str(created.dwHighDateTime << 32 | created.dwLowDateTime)
        finally:
            kernel.CloseHandle(handle)

    def _hidden(pid: int) -> bool:
        return False

else:

    def _hidden(pid: int) -> bool:
        """Whether another user's process hides behind a /proc mounted with hidepid."""
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True
        except (OSError, OverflowError):
            return False
        return False

    if sys.platform == "linux":

        def _started(pid: int) -> str | None:
            """The boot's id, the ticks from boot to the process's start, this container; None if gone."""
            try:
                stat = Path(f"/proc/{pid}/stat").read_bytes()
                boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
            except OSError:
                return None
            # proc(5): the second field is the program's name in parentheses, which may itself hold
            # spaces and parentheses; the state is field 3 and the start time field 22.
            fields = stat[stat.rindex(b")") + 2 :].split()
            if fields[0] in (b"Z", b"X"):
                return None
            # A number means this process in this container alone.
            space = namespace().removeprefix("pid:[").removesuffix("]")
            return f"{boot}:{fields[19].decode()}" + (f":{space}" if space else "")

    else:

        def _started(pid: int) -> str | None:
            """The process's start to the second, in UTC, in the words of ps; None if gone."""
            environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC0"}
            command = ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)]
            try:
                answer = subprocess.run(
                    command, env=environment, capture_output=True, timeout=10, check=False
                )
            except (OSError, subprocess.TimeoutExpired):
                return None
            state, _, started = answer.stdout.decode("ascii", "replace").strip().partition(" ")
            return None if state.startswith("Z") or not started else started.strip()
