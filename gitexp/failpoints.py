"""Named places where a test can stop the process dead, as a crash would.

Every step of a write path calls `failpoint("room:step")`. It does nothing unless the environment
names that very point in GITEXP_FAILPOINT (optionally `point@N` for the Nth time it is reached):
then the process kills itself with SIGKILL, which nothing can catch or tidy up after. On platforms
without SIGKILL the process exits at once instead.
"""

from __future__ import annotations

import os
import signal

_target, _, _nth = os.environ.get("GITEXP_FAILPOINT", "").partition("@")
_left = int(_nth) if _nth.isdigit() else 1


def failpoint(name: str) -> None:
    """Die here if the environment says so; otherwise do nothing."""
    global _left
    if name != _target:
        return
    _left -= 1
    if _left == 0:
        if hasattr(signal, "SIGKILL"):
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(137)
