"""A guard over the processes of a run: it ends them at a limit, and with the run.

It ends the command some time after a signal that the command has ignored. When the command has ended, what it
has left in the background ends too. On Linux orphans become children of gitexp, so that none gets away.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable

from gitexp.process import descendants
from gitexp.process.descendants import Descendant
from gitexp.process.limits import GRACE, Limits

_SIGKILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows nobody can refuse SIGTERM
_GRACE_OF_REST = 2.0  # the same for what the command has left in the background
_EVERY = 0.25  # seconds between two looks at limits
_INTERVAL = 0.02  # seconds between two looks at whether the rest has ended


class Guard:
    """Watches over the commands of a run; a context manager. At its end no process of theirs is left.

    `mark`: an environment variable, `NAME=value`, of the commands and not of gitexp. `reason`: "timeout" or
    "memory" after the command hit a limit, or the answer of `also`. `ended` counts the processes
    found in the background. Without `ends_rest` they are left alone.
    """

    def __init__(
        self, limits: Limits, mark: str, also: Callable[[], str] = lambda: "", *, ends_rest: bool = True
    ) -> None:
        self.reason = ""
        self.ended = 0
        self._limits = limits
        self._also = [also]  # each gives another reason to end the command now; "" for none
        self._ends_rest = ends_rest
        self._mark = mark
        self._begun = time.monotonic()
        self._due = 0.0
        self._asked: float | None = None  # when the command was asked to end
        self._before = set[int]()

    def __enter__(self) -> Guard:
        if self._ends_rest:
            descendants.adopt(on=True)
        self._before = descendants.children()
        return self

    def __exit__(self, *error: object) -> None:
        if self._ends_rest:
            self._end_rest()
            descendants.adopt(on=False)

    def ask_also(self, also: Callable[[], str]) -> None:
        """Ask for one more reason to end the command now; "" for none."""
        self._also.append(also)

    def due(self, *, interrupted: bool) -> int | None:
        """The number of the signal that the command is to get now; None for none.

        To be asked several times a second. `interrupted`: the command has got a signal from elsewhere.
        """
        now = time.monotonic()
        if now < self._due:
            return None
        self._due = now + _EVERY
        if self._asked is not None:
            if now < self._asked + GRACE:
                return None
            _send(self._ours(), _SIGKILL)
            return _SIGKILL
        if interrupted:
            self._asked = now
            return None
        self.reason = self._exceeded(now)
        if not self.reason:
            return None
        self._asked = now
        return signal.SIGTERM

    def _exceeded(self, now: float) -> str:
        """The exceeded limit; "" for none."""
        timeout, memory = self._limits
        if timeout is not None and now > self._begun + timeout:
            return "timeout"
        if memory is not None and _memory_exceeds(self._ours(), memory):
            return "memory"
        for also in self._also:
            if reason := also():
                return reason
        return ""

    def _ours(self) -> list[Descendant]:
        """The processes of the run that have not ended."""
        tops = descendants.children() - self._before
        if sys.platform == "win32" or not tops:
            return []
        here = os.getpid()
        found = descendants.below(tops)
        of_gitexp = set[int]()
        for one in found:
            # A Git of gitexp's own is a child too, and so is a daemon that such a Git has left.
            is_gitexps = one.parent == here and not descendants.has_variable(one.pid, self._mark)
            if is_gitexps or one.parent in of_gitexp:
                of_gitexp.add(one.pid)
        return [one for one in found if one.pid not in of_gitexp]

    def _end_rest(self) -> None:
        """End what the commands have left in the background."""
        rest = self._ours()
        if not rest:
            return
        self.ended = len(rest)
        _send(rest, signal.SIGTERM)
        until = time.monotonic() + _GRACE_OF_REST
        while rest and time.monotonic() < until + _GRACE_OF_REST:
            if time.monotonic() > until:
                _send(rest, _SIGKILL)
            time.sleep(_INTERVAL)
            _reap(rest)
            rest = self._ours()


def _memory_exceeds(processes: list[Descendant], most: float) -> bool:
    """Whether some processes have more memory together than so many bytes."""
    if sum(one.resident for one in processes) <= most:
        return False
    total = 0  # what they share has been counted for each: only now is it worth a closer look
    for one in processes:
        own = descendants.own_memory(one.pid)
        total += one.resident if own is None else own
    return total > most


def _send(processes: list[Descendant], signum: int) -> None:
    for one in processes:
        with contextlib.suppress(OSError):
            os.kill(one.pid, signum)


def _reap(processes: list[Descendant]) -> None:
    """Take note of the end of orphans, which are children by now."""
    for one in processes:
        with contextlib.suppress(OSError):  # it has a parent of its own
            os.waitpid(one.pid, os.WNOHANG)
