"""Limits of a run, as people write them and as records have them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from gitexp import errors
from gitexp.named_tuple import NamedTuple
from gitexp.times import parse_duration, show_duration
from gitexp.words import human_size, parse_size

GRACE = 10.0  # seconds from SIGTERM to SIGKILL, for a command that does not end
_MOST_MEMORY = 1 << 49  # bytes; records have no number above 1e15


class Limits(NamedTuple):
    """The limits of a run.

    Attributes:
        timeout: seconds for its commands; None for no limit.
        memory: bytes for all its processes together; None for no limit.
    """

    timeout: float | None = None
    memory: float | None = None

    def as_json(self) -> dict[str, float]:
        """The limits for a record, without absent ones."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    def told(self, reason: str) -> str:
        """A sentence for the record about why gitexp has ended the run, by the reason in the record."""
        if reason == "alert":
            return "ended by gitexp: an alert of gitexp.yaml says stop"
        if reason == "pruned":
            return "ended by gitexp: other trials of the sweep were better at the same step"
        if reason == "timeout":
            return f"ended by gitexp: it ran for longer than {show_duration(self.timeout)} (--timeout)"
        return f"ended by gitexp: it had more memory than {human_size(self.memory or 0)} (--max-memory)"


NO_LIMITS = Limits()


def parse(timeout: str, memory: str) -> Limits:
    """The limits in two texts, like `1 h 30 min` and `8 GB`, "" for none; raises UsageError."""
    seconds = size = None
    if timeout:
        seconds = parse_duration(timeout)
        if not seconds:
            raise errors.UsageError(
                f"--timeout {timeout} is no duration.", "For example: --timeout '1 h 30 min'"
            )
    if memory:
        size = parse_size(memory)
        if not size or size > _MOST_MEMORY:
            raise errors.UsageError(f"--max-memory {memory} is no size.", "For example: --max-memory '8 GB'")
        if sys.platform != "linux" or not Path("/proc/self/stat").exists():
            raise errors.UsageError(
                "--max-memory needs Linux: elsewhere nobody tells the memory of all processes of a run.",
                "Leave it out; --timeout works here.",
            )
    return Limits(seconds, size)


def from_record(found: Mapping[str, float]) -> Limits:
    """The limits in a record; those of a later version are left out."""
    return Limits(found.get("timeout"), found.get("memory"))
