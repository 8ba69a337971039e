"""The time between two looks at the machine, as people write it."""

from __future__ import annotations

from typing import Any

from gitexp import errors
from gitexp.times import parse_duration

_SHORTEST = 0.1  # seconds
_LONGEST = 86400.0
_OFF = ("off", "none", "0")


def read_interval(value: Any) -> float:
    """The seconds of a number or a text like `30 s`; 0 for `off`. Raises ValueError with the reason."""
    if value is False or str(value).strip().lower() in _OFF:  # YAML reads off as false
        return 0.0
    seconds = None if isinstance(value, bool) else parse_duration(str(value))
    if seconds is None:
        raise ValueError("must be a duration, or off")
    if seconds and not _SHORTEST <= seconds <= _LONGEST:
        raise ValueError(f"must be from {_SHORTEST} s to a day, or off")
    return seconds


def parse(text: str) -> float | None:
    """The seconds of the option in a text; None for "". Raises UsageError."""
    if not text:
        return None
    try:
        return read_interval(text)
    except ValueError as error:
        raise errors.UsageError(
            f"--system-interval {text} {error}.", "For example: --system-interval '30 s'"
        ) from error
