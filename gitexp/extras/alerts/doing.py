"""Actions are done one after the other beside the looking: a slow one keeps no rule from being looked at."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

_PATIENCE = 20.0  # seconds for what is still to be done when the run is over
_LAST = 2.0  # seconds for an action to end once it is told to

IsOver = Callable[[], bool]


class ActionThread:
    """Does what it is given in a thread, which begins with the first action."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Callable[[IsOver], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_over = threading.Event()

    def add(self, work: Callable[[IsOver], None]) -> None:
        """Do some work when all before it is done. It is given a function that says when it is to end."""
        self._waiting.put(work)
        if self._thread is None:
            self._thread = threading.Thread(target=self._go_on, name="gitexp-alerts", daemon=True)
            self._thread.start()

    def close(self) -> bool:
        """Wait for a while until all is done, and end what is not; whether all was done."""
        if self._thread is None:
            return True
        self._waiting.put(None)
        until = time.monotonic() + _PATIENCE
        self._thread.join(_PATIENCE)
        self._is_over.set()
        self._thread.join(_LAST)
        return not self._thread.is_alive() and time.monotonic() < until

    def _go_on(self) -> None:
        while (work := self._waiting.get()) is not None and not self._is_over.is_set():
            work(self._is_over.is_set)
