"""Signals to a worker: its present run ends as interrupted, and then the worker."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Asked:
    """Whether a signal has asked this worker to end."""

    def __init__(self) -> None:
        self.to_end = False

    def handle(self, signum: int, frame: FrameType | None) -> None:
        """Take a signal: the present work ends as after Ctrl-C.

        From the claim of an experiment to its end, signals wait but for the time of the command, which gets
        them itself: so the experiment is ended too.
        """
        self.to_end = True
        raise KeyboardInterrupt


@contextlib.contextmanager
def listening() -> Iterator[Asked]:
    """Take the signals that end a process, until the end of the block; ignored signals stay ignored."""
    asked = Asked()
    if threading.current_thread() is not threading.main_thread():  # Python allows no handlers there
        yield asked
        return
    before = {}
    for signum in _ENDING:
        handler = signal.getsignal(signum)
        if handler not in (signal.SIG_IGN, None):
            before[signum] = signal.signal(signum, asked.handle)
    try:
        yield asked
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextlib.contextmanager
def presses() -> Iterator[list[float]]:
    """Give the times at which Ctrl-C was pressed while the block lasts; it ends nothing by itself."""
    pressed = list[float]()
    if threading.current_thread() is not threading.main_thread():  # Python allows no handlers there
        yield pressed
        return

    def count(signum: int, frame: object) -> None:
        pressed.append(time.monotonic())

    before = signal.signal(signal.SIGINT, count)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
