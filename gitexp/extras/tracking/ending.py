"""The end of a script: how it ends is asked of Python, which tells nobody after the fact."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn

_exit_code = 0
_is_interrupted = False
_watched: tuple[int, Callable[[int, bool], None]] | None = None


def watch(at_end: Callable[[int, bool], None]) -> None:
    """Have `at_end` called with the exit code, and whether Ctrl-C was it, when this process ends.

    Not in a process forked from this one. `sys.exit` and `sys.excepthook` are wrapped for it.
    """
    global _watched
    if _watched is not None and _watched[0] == os.getpid():
        return
    is_first = _watched is None
    _watched = (os.getpid(), at_end)
    if is_first:
        sys.excepthook = _noting_errors(sys.excepthook)
        sys.exit = _noting_exit(sys.exit)
        atexit.register(_end)


def _noting_errors(before: Callable[..., Any]) -> Callable[..., Any]:
    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        global _exit_code, _is_interrupted
        _is_interrupted = issubclass(kind, KeyboardInterrupt)
        _exit_code = 1
        if _is_interrupted:
            _exit_code = 130
        before(kind, error, trace)

    return hook


def _noting_exit(before: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    def leave(status: Any = None, /) -> NoReturn:
        global _exit_code
        if threading.current_thread() is threading.main_thread():
            if status is None:
                _exit_code = 0
            elif isinstance(status, int):
                _exit_code = status & 0xFF
            else:
                _exit_code = 1
        before(status)

    return leave


def _end() -> None:
    if _watched is not None and _watched[0] == os.getpid():
        _watched[1](_exit_code, _is_interrupted)
