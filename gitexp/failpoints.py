"""Named places where a test can stop the process dead, as a crash would.

Every step of a write path calls `failpoint("room:step")`. It does nothing unless the environment
names that very point in GITEXP_FAILPOINT (optionally `point@N` for the Nth time it is reached):
then the process kills itself with SIGKILL, which nothing can catch or tidy up after. On platforms
without SIGKILL the process exits at once instead.
"""

from __future__ import annotations

import os
import signal

_reached = 0


def failpoint(name: str) -> None:
    """Die here if the environment says so; otherwise do nothing."""
    global _reached
    target, _, nth = os.environ.get("GITEXP_FAILPOINT", "").partition("@")
    if name != target:
        return
    _reached += 1
    if _reached == int(nth or 1):
        if hasattr(signal, "SIGKILL"):
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(137)
