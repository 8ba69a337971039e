"""What the operating system says when data is written, as errors of ours."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from gitexp import errors

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise the system's errors in the block as DiskFull or StorageError: `what` is a "could not …"."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise errors.DiskFull(f"The disk is full: {what}.", "Free some space and run again.") from error
        where = f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, (str, bytes)) else ""
        raise errors.StorageError(
            f"{what[:1].upper()}{what[1:]}: {error.strerror or error}{where}.",
            "Put that right, then run the command again.",
        ) from error
