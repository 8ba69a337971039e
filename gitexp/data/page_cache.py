"""What the system keeps of large files in memory: of a file and its copy, one is enough.

With both, a data set of half the memory's size pushes out everything else, itself too.
"""

from __future__ import annotations

import os
from contextlib import suppress

_WINDOW = 32 << 20  # bytes


def let_go(fd: int, before: int, now: int) -> None:
    """Have the system drop what it keeps of a file, read or written from `before` to `now`, behind that.

    What is not on the disk yet begins to be written, and is dropped next time.
    """
    if now // _WINDOW == before // _WINDOW or not hasattr(os, "posix_fadvise"):
        return
    start = max(0, now - 3 * _WINDOW)
    with suppress(OSError):  # it was advice
        os.posix_fadvise(fd, start, now - start, os.POSIX_FADV_DONTNEED)
