"""A value of a file that cannot be read, while the others can."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in a tree for such a value; two of them are equal wherever they stand.

    Attributes:
        why: the reason, as a clause of a sentence.
        line: line in the file, from 1.
        column: column, from 1.
    """

    why: str
    line: int = field(compare=False)
    column: int = field(compare=False)
