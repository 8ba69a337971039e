"""What fits the width of a terminal: names, columns and blocks of columns. Widths are in cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

GAP = 2  # between two columns

_MORE = 4  # cells to try more, for names that were cut to the same text


def short_names(names: Sequence[str], others: Iterable[str] = ()) -> list[str]:
    """The last parts of dotted names: `lr` for `train.lr`. They tell it from all other names."""
    endings = Counter[str]()
    for name in {*names, *others}:
        endings.update(_endings(name))
    return [next((each for each in _endings(name) if endings[each] == 1), name) for name in names]


def _endings(name: str) -> list[str]:
    """The last part of a dotted name, the last two, and so on; the name itself is the last."""
    parts = name.split(".")
    return [".".join(parts[at:]) for at in reversed(range(len(parts)))]


def distinct_cuts(names: Sequence[str], most: int, cut: Callable[[str, int], str]) -> list[str]:
    """The names cut to `most` cells. Names that this would make the same are cut to more cells."""
    limits = dict.fromkeys(names, most)
    while True:
        by_text: dict[str, list[str]] = {}
        for name, limit in limits.items():
            by_text.setdefault(cut(name, limit), []).append(name)
        if len(by_text) == len(limits):
            return [cut(name, limits[name]) for name in names]
        for same in by_text.values():
            if len(same) > 1:
                for name in same:
                    limits[name] += _MORE


def blocks(widths: Sequence[int], room: int) -> list[list[int]]:
    """The columns by their numbers, in blocks of at most `room` cells; each block has at least one column.

    The gap before each column counts.
    """
    found: list[list[int]] = []
    left = 0
    for at, width in enumerate(widths):
        if not found or width + GAP > left:
            found.append([])
            left = room
        found[-1].append(at)
        left -= width + GAP
    return found


def by_turns(*kinds: Sequence[T]) -> list[T]:
    """An item of each kind in turn, each once, until none are left."""
    found: dict[T, None] = {}
    for at in range(max(map(len, kinds), default=0)):
        for kind in kinds:
            found.update(dict.fromkeys(kind[at : at + 1]))
    return list(found)


def served(widths: Sequence[int], order: Sequence[int], room: int, least: Sequence[int]) -> dict[int, int]:
    """The columns with room, each with its width; columns early in `order` are served first.

    A column may be cut to its `least` width.
    """
    found: dict[int, int] = {}
    for at in order:
        size = min(widths[at], room - GAP)
        if size >= least[at]:
            found[at] = size
            room -= GAP + size
    return found
