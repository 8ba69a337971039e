"""Ctrl-C at the wrong moment: delayed while an experiment is written down.

Signals are blocked, not ignored: none gets lost. Git's processes inherit the blocking: they belong to the
terminal's foreground group, and a Ctrl-C would kill them in the middle of a write.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

Window = Callable[[], AbstractContextManager[None]]


@contextlib.contextmanager
def held_back() -> Iterator[Window]:
    """Keep SIGINT, SIGTERM and SIGHUP waiting until the block ends; gives a way to let them through.

    `with held_back() as let_through: ... with let_through(): ...` takes the waiting signals, and new ones,
    inside the inner block. A Ctrl-C left over at the end is dropped: its target has ended. Outside the main
    thread, where Python takes no signals, and on Windows, without blocked signals, nothing is held back.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield contextlib.nullcontext
        return
    held = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)

    @contextlib.contextmanager
    def let_through() -> Iterator[None]:
        try:
            # Python runs the handlers of what was waiting before this returns: it may raise.
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, held)

    try:
        yield let_through
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def dropped() -> Iterator[None]:
    """Drop every Ctrl-C in the block; only in the main thread, where Python takes signals.

    A signal waits only where all threads of a process hold it back, and a script may have threads of its own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        if before is not None:  # else it is none of Python's, and nobody can give it back
            signal.signal(signal.SIGINT, before)
