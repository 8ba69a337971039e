"""The exit status of a command that a signal has ended: gitexp ends by the same signal.

A shell leaves its loop at Ctrl-C only if the command died of it: 130 as an exit status looks as if the
command had coped.
"""

from __future__ import annotations

import signal

_PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")


class ExitStatus(int):
    """An exit status chosen by gitexp.

    Attributes:
        signal: the signal to end the process by; None for an ordinary end.
    """

    signal: int | None

    def __new__(cls, code: int, signum: int | None = None) -> ExitStatus:
        status = super().__new__(cls, code)
        status.signal = signum
        return status


def status_of(exit_code: int, signum: int | None) -> ExitStatus:
    """The exit status after a command with this code, and maybe this signal.

    SIGKILL, and the signals of a crash, are the command's alone: only their code is passed on.
    """
    if signum is not None and signum in {getattr(signal, name, None) for name in _PASSED_ON}:
        return ExitStatus(128 + signum, signum)
    return ExitStatus(exit_code)
