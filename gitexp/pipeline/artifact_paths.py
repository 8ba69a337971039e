"""The paths that a logged file can have among the artifacts of its run. The writer loads nothing else."""

from __future__ import annotations

from gitexp.objects import paths
from gitexp.pipeline.paths import LOCK_FILE
from gitexp.regex import regex

_CONTROL = regex(r"[\x00-\x1f\x7f]")
_LONGEST_PART = 240  # bytes; file systems take 255, and a file that is being written needs some of them
_LONGEST = 3000  # bytes


def fault(path: str) -> str | None:
    """Why no logged file can have a path; None if one can."""
    if _CONTROL.search(path):
        return "has a control character in it"
    try:
        raw = path.encode()
    except UnicodeEncodeError:
        return "is no text that UTF-8 has"
    if len(raw) > _LONGEST or any(len(part) > _LONGEST_PART for part in raw.split(b"/")):
        return f"is longer than {_LONGEST:,} bytes, or has a part of more than {_LONGEST_PART}"
    if path.rpartition("/")[2].casefold() == LOCK_FILE:
        return "is that of a file of gitexp's"
    return paths.fault(path)
