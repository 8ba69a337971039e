"""Named places where a test can stop the process dead, as a crash would.

Every step of a write path calls `failpoint("room:step")`. The call does nothing, unless the
environment names this point in GITEXP_FAILPOINT (`point@N`: the Nth time that it is reached). Then the
process kills itself with SIGKILL, so that nothing can catch the signal or tidy up. On platforms without
SIGKILL the process exits at once instead.
"""

from __future__ import annotations

import os
import signal

_reached = 0


def failpoint(name: str) -> None:
    """Kill the process if the environment names this point; otherwise do nothing."""
    global _reached
    target, _, nth = os.environ.get("GITEXP_FAILPOINT", "").partition("@")
    if name != target:
        return
    _reached += 1
    if _reached == int(nth or 1):
        if hasattr(signal, "SIGKILL"):
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(137)
