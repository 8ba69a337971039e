"""A value of a file that cannot be read, while the others can."""

from __future__ import annotations


class Unreadable:
    """A stand-in for an unreadable value; two with the same reason are equal in any place.

    Attributes:
        why: the reason, a clause of a sentence.
        line: line in the file, from 1.
        column: column, from 1.
    """

    __slots__ = ("column", "line", "why")

    def __init__(self, why: str, line: int, column: int) -> None:
        self.why = why
        self.line = line
        self.column = column

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unreadable) and self.why == other.why

    def __hash__(self) -> int:
        return hash(self.why)
