"""`Streams` for Windows, where nobody can wait for several pipes at once or open a pseudo-terminal.

A thread for each stream reads its pipe. All this works, and is tested, on every platform.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable

from gitexp.process.log import LogFile

_CHUNK = 64 * 1024
_TICK = 0.1  # seconds
_GRACE = 0.2  # seconds of silence that a descendant of the ended command may keep
_PATIENCE = 1.0  # seconds that it may go on writing


class ThreadedStreams:
    """The streams of a command, for the file descriptors that show its output."""

    def __init__(self, stdout: int, stderr: int) -> None:
        self._lock = threading.Lock()
        self._heard = 0.0  # when a stream last had something
        self._over = False
        self._pipes = {descriptor: os.pipe() for descriptor in {stdout, stderr}}
        self.stdout, self.stderr = self._pipes[stdout][1], self._pipes[stderr][1]

    def __enter__(self) -> ThreadedStreams:
        return self

    def __exit__(self, *error: object) -> None:
        self.started()
        for source, _ in self._pipes.values():
            os.close(source)
        self._pipes = {}

    def started(self) -> None:
        """Close gitexp's copies of the command's ends: the command's end then ends the pipes."""
        for inlet in {self.stdout, self.stderr} - {-1}:
            os.close(inlet)
        self.stdout = self.stderr = -1

    def resize(self) -> None:
        """Nothing: a pipe has no size."""

    def copy(self, process: subprocess.Popen[bytes], log: LogFile, tick: Callable[[], None]) -> None:
        """Show and log until `process` has ended and its pipes are empty; `tick` runs all the while."""
        readers = [
            threading.Thread(target=self._pass_on, args=(source, screen, log), daemon=True)
            for screen, (source, _) in self._pipes.items()
        ]
        self._pipes = {}  # theirs now
        for reader in readers:
            reader.start()
        while _still_running(process):
            tick()
        self._heard = ended = time.monotonic()
        for reader in readers:
            while reader.is_alive() and not self._enough(ended):
                reader.join(_GRACE / 10)
        with self._lock:  # the log and the screens are the caller's again
            self._over = True

    def _enough(self, ended: float) -> bool:
        """Whether a descendant alone holds the pipe open; its reader ends with it, or with gitexp."""
        with self._lock:
            now = time.monotonic()
            return now - self._heard > _GRACE or now - ended > _PATIENCE

    def _pass_on(self, source: int, screen: int, log: LogFile) -> None:
        shown = True
        while data := os.read(source, _CHUNK):
            with self._lock:
                if self._over:
                    break
                log.write(data)
                shown = shown and _show(screen, data)
                self._heard = time.monotonic()
        os.close(source)


def _still_running(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_TICK)
    except subprocess.TimeoutExpired:
        return True
    return False


def _show(screen: int, data: bytes) -> bool:
    """Write all data; False for a screen that is gone."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(screen, left) :]
    except OSError:
        return False
    return True
