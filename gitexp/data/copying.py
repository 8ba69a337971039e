"""One file copied into another, and hashed on the way: cloned where the file system shares content."""

from __future__ import annotations

import os
from pathlib import Path

from gitexp.data import links
from gitexp.data.hashing import (
    OnBytes,
    Read,
    Stays,
    hash_file,
    is_settled,
    opened,
    read_file,
    same_file,
    wait_to_settle,
)

_WORTH_A_CLONE = 1 << 20  # bytes


def copied(
    source: str | Path, target: int, temporary: str | Path, on_bytes: OnBytes, stays: Stays = "both"
) -> Read:
    """Return a file as it was when it was copied to the descriptor of `temporary`; raises as `read_file`."""
    read = None
    if os.stat(source).st_size >= _WORTH_A_CLONE:
        read = _cloned(source, target, temporary, on_bytes)
    return read or read_file(source, target, on_bytes, stays)


def _cloned(source: str | Path, target: int, temporary: str | Path, on_bytes: OnBytes) -> Read | None:
    """Return a file as it was read from its clone, which nobody changes; None if it cannot be cloned."""
    with opened(source) as fd:
        wait_to_settle(os.fstat(fd))
        before = os.fstat(fd)
        settled = is_settled(before)
        if not links.reflink(fd, target):
            return None
        if not same_file(before, os.fstat(fd)):
            os.ftruncate(target, 0)
            return None
    return Read(hash_file(temporary, on_bytes)[0], before, settled)
