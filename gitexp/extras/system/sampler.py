"""The present use of the machine by a run's processes. The one user of psutil."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import psutil

from gitexp import plugins
from gitexp.extras.system import control_group
from gitexp.named_tuple import NamedTuple
from gitexp.process.variables import RUN

_GONE = (psutil.Error, OSError)  # of a process that has just ended, or is somebody else's
_LOOPBACK = ("lo", "lo0")


class _Used(NamedTuple):
    """What has been used up to a moment.

    Attributes:
        time: seconds, by a monotonic clock.
        cpu: seconds of all processes.
        disk: bytes read and written by each process, by its number and its start.
        network: bytes received and sent by the machine.
    """

    time: float
    cpu: float
    disk: dict[tuple[int, float], tuple[int, int]]
    network: tuple[int, int]


class Sampler:
    """Looks at the processes of a run.

    Args:
        folder: the folder of the live run, which its commands have in their environment; None for a run that
            this process itself is.
        root: a folder on the disk of the workspace.
        began: when the run began, by a monotonic clock.
        cpu_before: seconds of CPU that the processes had had by then.
    """

    def __init__(self, folder: Path | None, root: Path, began: float, cpu_before: float) -> None:
        self._mark = None if folder is None else str(folder)
        self._root = root
        self._before = _Used(began, cpu_before, {}, _network())
        self._is_first = True
        self._tops: dict[int, bool] = {}  # by the number of a child of gitexp: whether it is the run's
        gpus = plugins.find_installed("gpus", "nvml", "pynvml")
        self._gpus = None if gpus is None else gpus()
        psutil.cpu_percent(None)

    def sample(self) -> dict[str, float]:
        """The present numbers, see docs/format.md; what the system does not tell is missing."""
        now = time.monotonic()
        cpu, memory = 0.0, 0
        disk: dict[tuple[int, float], tuple[int, int]] = {}
        found = self._processes()
        for process in found:
            with contextlib.suppress(*_GONE), process.oneshot():
                times = process.cpu_times()
                # With those of children that have ended: theirs do not get lost with them.
                cpu += times.user + times.system + times.children_user + times.children_system
                memory += process.memory_info().rss
                if hasattr(process, "io_counters"):
                    io = process.io_counters()
                    disk[process.pid, process.create_time()] = (io.read_bytes, io.write_bytes)
        used = _Used(now, cpu, disk, _network())
        values = {"cpu": self._cpu_percent(used), "memory": memory, "processes": len(found)}
        values |= self._rates(used)
        values |= self._of_machine()
        self._before, self._is_first = used, False
        if self._gpus is not None:
            values |= self._gpus.sample()
        return values

    def _processes(self) -> list[psutil.Process]:
        """The processes of the run that have not ended."""
        here = psutil.Process()
        if self._mark is None:
            return [here, *here.children(recursive=True)]
        found = list[psutil.Process]()
        for child in here.children():
            if child.pid not in self._tops:
                self._tops[child.pid] = self._is_of_run(child)
            if self._tops[child.pid]:
                found.append(child)
                with contextlib.suppress(*_GONE):
                    found += child.children(recursive=True)
        return found

    def _is_of_run(self, child: psutil.Process) -> bool:
        """Whether a child of gitexp is a command of the run, and no Git of gitexp's own."""
        try:
            return child.environ().get(RUN) == self._mark
        except _GONE:
            return False

    def _cpu_percent(self, used: _Used) -> float:
        """The use of the CPU since the last look; 100 is one core."""
        passed = max(used.time - self._before.time, 1e-3)
        return round(max(100 * (used.cpu - self._before.cpu) / passed, 0.0), 1)

    def _rates(self, used: _Used) -> dict[str, float]:
        """Bytes a second since the last look; {} at the first one."""
        if self._is_first:
            return {}
        passed = max(used.time - self._before.time, 1e-3)
        rates: dict[str, float] = {}
        if used.disk:
            for at, name in enumerate(("disk_read", "disk_write")):
                total = 0
                for process, numbers in used.disk.items():
                    total += numbers[at] - self._before.disk.get(process, (0, 0))[at]
                rates[name] = round(total / passed)
        for at, name in enumerate(("machine.net_received", "machine.net_sent")):
            rates[name] = round(max(used.network[at] - self._before.network[at], 0) / passed)
        return rates

    def _of_machine(self) -> dict[str, float]:
        """The use of the machine by everybody, in percent; that of a container counts if it is fuller."""
        memory = max(psutil.virtual_memory().percent, control_group.memory_percent() or 0.0)
        values = {"machine.cpu": psutil.cpu_percent(None), "machine.memory": memory}
        with contextlib.suppress(OSError):
            values["machine.disk"] = psutil.disk_usage(os.fspath(self._root)).percent
        return values


def _network() -> tuple[int, int]:
    """Bytes that the machine has received and sent, but for those to itself."""
    received, sent = 0, 0
    for name, counts in psutil.net_io_counters(pernic=True).items():
        if name not in _LOOPBACK:
            received += counts.bytes_recv
            sent += counts.bytes_sent
    return received, sent
