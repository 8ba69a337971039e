"""Lists and amounts as people write them, in messages of every room."""

from __future__ import annotations

from collections.abc import Sequence


def shorten(paths: Sequence[str], most: int = 5) -> str:
    """Return the first few paths and how many more there are."""
    more = len(paths) - most
    return ", ".join(paths[:most]) + (f" and {more:,} more" if more > 0 else "")


def human_size(size: float) -> str:
    """Return a size in bytes as people write it: 10 MB is 10 * 1024 * 1024 bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable")
