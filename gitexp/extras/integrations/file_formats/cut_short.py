"""The end of a file that was not written to its end."""

from __future__ import annotations

from gitexp.named_tuple import NamedTuple


class CutShort(NamedTuple):
    """The end of the readable part: the place in bytes, and the reason."""

    at: int
    why: str
