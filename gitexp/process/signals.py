"""Signals while a command runs: each reaches the command exactly once, and none kills gitexp.

In the foreground of a terminal the command stays in gitexp's process group. Ctrl-C, Ctrl-backslash and
Ctrl-Z then come from the terminal, so SIGINT and SIGQUIT are not passed on a second time; SIGTERM, SIGHUP,
SIGUSR1, SIGUSR2 and SIGWINCH are. Anywhere else (CI, nohup, a script's subprocess) the command leads a
process group of its own, and each signal is passed on to the group.

`kill -INT <gitexp>` in the foreground reaches gitexp alone. On Linux the kernel names the sender, a terminal
or a process (sigaction(2), si_code), to sigtimedwait, though not to a handler; gitexp passes a process's
signal on like the others. Elsewhere the first counts for the terminal's, and from the second on they are
passed on, at the price of a Ctrl-C that counts twice. The third Ctrl-C kills. A signal ignored at gitexp's
start (nohup, `&`) stays ignored.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gitexp.process.guard import Guard

OWN_GROUP = None if sys.platform == "win32" else 0  # for Popen of a process that Ctrl-C is not meant for


def _existing(*names: str) -> frozenset[signal.Signals]:
    return frozenset(getattr(signal, name) for name in names if hasattr(signal, name))


_INTERRUPTING = _existing("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
_RESIZE = _existing("SIGWINCH")
_HANDLED = _INTERRUPTING | _RESIZE | _existing("SIGUSR1", "SIGUSR2")
_FROM_TERMINAL = _existing("SIGINT", "SIGQUIT", "SIGBREAK")
_LAST_CTRL_C = 3


class SignalRelay:
    """Handles gitexp's signals while entered; `interrupted_by`: the first interrupting signal.

    `resize` is called after a change of the terminal's size. `guard` may have the command end. Outside the
    main thread, where Python allows no handlers, all signals are left alone.
    """

    def __init__(self, resize: Callable[[], None], guard: Guard | None = None) -> None:
        self.own_group = not _in_foreground()
        self.interrupted_by: int | None = None
        self._resize = resize
        self._guard = guard
        self._processes: list[subprocess.Popen[bytes]] = []
        self._early: list[int] = []  # what came before there was a process to pass it on to
        self._ctrl_cs = 0
        self._previous: dict[signal.Signals, Any] = {}
        self._previous_mask: set[signal.Signals | int] | None = None

    def __enter__(self) -> SignalRelay:
        if threading.current_thread() is threading.main_thread():
            for each in _HANDLED:
                handler = signal.getsignal(each)
                if handler not in (signal.SIG_IGN, None):  # None: set by C code, Python cannot put it back
                    self._previous[each] = signal.signal(each, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        if sys.platform != "win32" and self._previous_mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._previous_mask)
        for each, handler in self._previous.items():
            signal.signal(each, handler)

    def attach(self, process: subprocess.Popen[bytes]) -> None:
        """Pass signals on to `process` from now on, beginning with earlier ones.

        Several processes can be attached at a time.
        """
        self._processes = [*(each for each in self._processes if each.returncode is None), process]
        early, self._early = self._early, []
        for signum in early:
            self._send(signum)
        if sys.platform == "linux" and self._previous and not self.own_group:
            # Blocked only now: the command would have inherited it.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, _FROM_TERMINAL)
            if self._previous_mask is None:
                self._previous_mask = before

    def unblock(self) -> None:
        """Let a new command inherit no signals blocked on behalf of a running one."""
        if sys.platform != "win32" and self._previous_mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._previous_mask)

    def poll(self) -> None:
        """Take the signals that are held back to learn who sent them; to be called several times a second."""
        if sys.platform == "linux" and self._previous_mask is not None:
            while info := signal.sigtimedwait(_FROM_TERMINAL, 0):
                self._receive(info.si_signo, reached_command=info.si_code > 0)  # from the kernel
        if self._guard is not None:
            due = self._guard.due(interrupted=self.interrupted_by is not None)
            if due is not None:
                self._send(due)

    @property
    def is_ending(self) -> bool:
        """Whether a signal, or the guard, has asked the command to end."""
        return self.interrupted_by is not None or (self._guard is not None and self._guard.reason != "")

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        from_terminal = not self.own_group and bool(self._processes) and signum in _FROM_TERMINAL
        self._receive(signum, reached_command=from_terminal and self._ctrl_cs == 0)

    def _receive(self, signum: int, *, reached_command: bool) -> None:
        if signum in _RESIZE:
            self._resize()
        if signum in _INTERRUPTING:
            self.interrupted_by = self.interrupted_by or signum
        if signum == signal.SIGINT:
            self._ctrl_cs += 1
        if not self._processes:
            self._early.append(signum)
        elif self._ctrl_cs >= _LAST_CTRL_C:
            self.kill()
        elif not reached_command:
            self._send(signum)

    def terminate(self) -> None:
        """Ask the command to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End the command at once, with its group where it has its own."""
        if sys.platform == "win32":
            self._send(signal.SIGTERM)  # nobody can refuse it there
        else:
            self._send(signal.SIGKILL)

    def _send(self, signum: int) -> None:
        for process in self._processes:
            if process.returncode is None:  # of one that has ended, the pid may be another's by now
                self._send_to(process, signum)

    def _send_to(self, process: subprocess.Popen[bytes], signum: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                if signum == signal.SIGTERM:  # the one that Windows can send to a process
                    process.terminate()
            elif self.own_group:
                os.killpg(process.pid, signum)
            else:
                os.kill(process.pid, signum)


def _in_foreground() -> bool:
    """Whether what the terminal sends on Ctrl-C reaches this process and the children in its group."""
    if sys.platform == "win32":
        return True  # a console sends it to all of its processes
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
