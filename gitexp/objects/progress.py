"""The progress of a work on many objects."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gitexp.named_tuple import NamedTuple

_TICK = 0.1  # seconds between two reports


class Progress(NamedTuple):
    """The progress of a work.

    Attributes:
        objects, bytes: done so far.
        of_objects, of_bytes: to be done in all.
        seconds: since the work began.
    """

    objects: int
    of_objects: int
    bytes: int
    of_bytes: int
    seconds: float

    @property
    def speed(self) -> float:
        """Bytes a second so far; 0 if not known yet."""
        return self.bytes / self.seconds if self.seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds to go at this speed; None if not known yet."""
        return (self.of_bytes - self.bytes) / self.speed if self.bytes else None


OnProgress = Callable[[Progress], None]


class Count:
    """Counts the work of several threads, and reports it ten times a second."""

    def __init__(self, on_progress: OnProgress | None, objects: int, of_bytes: int) -> None:
        self._on_progress = on_progress
        self._of = (objects, of_bytes)
        self._objects = self._bytes = 0
        self._began = self._told = time.monotonic()
        self._lock = threading.Lock()

    def add(self, more: int) -> None:
        """Count bytes."""
        if self._on_progress is None:
            return
        with self._lock:
            self._bytes += more
            self._tell()

    def done(self) -> None:
        """Count an object."""
        if self._on_progress is None:
            return
        with self._lock:
            self._objects += 1
            self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        if self._on_progress is not None and now - self._told >= _TICK:
            self._told = now
            objects, of_bytes = self._of
            # A file that was changed meanwhile is read, and counted, twice.
            done = min(self._bytes, of_bytes)
            self._on_progress(Progress(self._objects, objects, done, of_bytes, now - self._began))
