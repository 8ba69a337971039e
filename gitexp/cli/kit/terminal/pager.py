"""A long answer through the pager, as Git does it."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess

_ASKED = ("GITEXP_PAGER", "GIT_PAGER", "PAGER")  # the first one set counts; empty or `cat` is none
# F: leave if all fits, R: colours and no other escapes, S: cut long lines, X: leave the text on screen.
_DEFAULTS = {"LESS": "FRSX", "LV": "-c", "LESSCHARSET": "utf-8"}


def show(text: str) -> bool:
    """Show text in the pager. False: there is no pager, and nothing was shown."""
    command = _command()
    if command is None:
        return False
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, env={**_DEFAULTS, **os.environ})
    except OSError:
        return False
    # Ctrl-C belongs to the pager, which stops a search; the terminal must not have two owners.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the person has seen enough
            process.stdin.write(text.encode("utf-8", "backslashreplace"))
            process.stdin.close()
        process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    return True


def _command() -> list[str] | None:
    asked = next((os.environ[name] for name in _ASKED if name in os.environ), "less")
    if os.environ.get("TERM") in ("dumb", "unknown"):
        return None
    try:
        command = shlex.split(asked)
    except ValueError:
        return None
    if not command or command == ["cat"] or shutil.which(command[0]) is None:
        return None
    return command
