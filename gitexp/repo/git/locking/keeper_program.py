"""The program that keeps locks which are files, for one process of gitexp, see `keeper`.

It gives signs of life of the locks, also while gitexp is stopped (Ctrl-Z), and removes their files when
gitexp has died. It has gitexp's pipe as its standard input: the pipe ends when all processes have died that
had its other end. It is started as a script, by `python -I -S`, and so imports nothing of gitexp's.

Each order on the pipe ends with a zero byte:

    + ID FILE        keep the lock with this id in this file
    - ID             forget the lock
    c PID FILE       the lock of this file is to outlive gitexp until the process with this number has ended
    e                end now, if no lock is held
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from pathlib import Path

_CHUNK = 65536  # bytes
LATE = 6  # times the interval: a lock without a sign of life for so long may be somebody else's by now
_IGNORED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGTSTP", "SIGUSR1", "SIGUSR2", "SIGXCPU")
_LINE = 4096  # bytes; more than the line about the holder has
_LOOK = 1.0  # seconds between two looks at processes that gitexp has left


class _KeptLock:
    """A lock that is kept."""

    def __init__(self, id_: bytes, file: bytes) -> None:
        self.file = Path(os.fsdecode(file))
        self.outlives: dict[int, bytes] = {}  # processes: their start, by number
        self._id = id_
        self._last = now()  # the time of the last sign of life

    def sign(self) -> None:
        """Give a sign of life."""
        with contextlib.suppress(OSError):
            fd = self._opened()
            try:
                try:
                    os.write(fd, b".")
                except OSError:
                    os.utime(fd)  # a full disk; a new time is a sign too
                os.fsync(fd)
            finally:
                os.close(fd)  # on NFS a file that is open leaves another one when it is removed
            self._last = now()

    def _opened(self) -> int:
        """The file, opened; raises OSError if it is not of this lock any more."""
        fd = os.open(self.file, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
        if self._id not in os.read(fd, _LINE).partition(b"\n")[0]:
            os.close(fd)
            raise FileNotFoundError
        return fd

    def remove(self, every: float) -> None:
        """Let the lock go."""
        if now() - self._last < LATE * every:
            with contextlib.suppress(OSError):
                os.close(self._opened())
                self.file.unlink()

    def is_outlived(self) -> bool:
        """Whether the lock waits for no process."""
        return not any(started and _started(pid) == started for pid, started in self.outlives.items())


class _KeeperProgram:
    """All locks of one process."""

    def __init__(self) -> None:
        self.kept: dict[bytes, _KeptLock] = {}
        self.is_to_end = False
        self._rest = b""

    def obey(self, data: bytes) -> None:
        """Follow the orders in a piece of the pipe's content."""
        *orders, self._rest = (self._rest + data).split(b"\0")
        for order in orders:
            what, _, rest = order.partition(b" ")
            word, _, file = rest.partition(b" ")
            if what == b"+":
                self.kept[word] = _KeptLock(word, file)
            elif what == b"-":
                self.kept.pop(word, None)
            elif what == b"e":
                self.is_to_end = not self.kept
            elif what == b"c":
                self._outlive(int(word), file)

    def _outlive(self, pid: int, file: bytes) -> None:
        for one in self.kept.values():
            if one.file == Path(os.fsdecode(file)):
                one.outlives[pid] = _started(pid)

    def sign(self) -> None:
        for one in self.kept.values():
            one.sign()

    def remove_outlived(self, every: float) -> None:
        """Let go the locks that wait for no process."""
        for id_, one in list(self.kept.items()):
            if one.is_outlived():
                one.remove(every)
                del self.kept[id_]


def now() -> float:
    """Seconds; the time while the machine slept counts too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _started(pid: int) -> bytes:
    """When a process was started, in some unit; b"" if it has ended."""
    if not sys.platform.startswith("linux"):
        try:
            os.kill(pid, 0)
        except OSError:
            return b""
        return b"?"
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return b""
    return b"" if fields[0] in (b"Z", b"X") else fields[19]


def main() -> None:
    every = float(sys.argv[1])
    for name in _IGNORED:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    keeper = _KeeperProgram()
    due = time.monotonic() + every
    while not keeper.is_to_end:
        left = max(due - time.monotonic(), 0.0)
        if select.select([0], [], [], left if keeper.kept else None)[0]:
            data = os.read(0, _CHUNK)
            if not data:
                break
            keeper.obey(data)
        if time.monotonic() >= due:
            keeper.sign()
            due = time.monotonic() + every
    keeper.remove_outlived(every)
    while keeper.kept:
        time.sleep(min(every, _LOOK))
        if time.monotonic() >= due:
            keeper.sign()
            due = time.monotonic() + every
        keeper.remove_outlived(every)


if __name__ == "__main__":
    main()
    os._exit(0)  # nothing to tidy up: gitexp may be waiting
