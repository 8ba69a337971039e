"""The unbeaten among many: the Pareto front; no input or output."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.project.sections.directions import MAX


def unbeaten(results: Sequence[Sequence[float]], directions: Sequence[str]) -> list[int]:
    """The places of the results on the Pareto front, the best by the first objective first.

    `directions` has "min" or "max" for each objective. Of equal results the first one counts alone.
    """
    costs = [_costs(result, directions) for result in results]
    front = list[int]()
    for at in sorted(range(len(costs)), key=costs.__getitem__):
        if not any(_beats(costs[other], costs[at]) for other in front):
            front.append(at)
    return front


def _costs(result: Sequence[float], directions: Sequence[str]) -> list[float]:
    """The numbers of the objectives, turned so that low is best."""
    found = []
    for number, direction in zip(result, directions, strict=True):
        found.append(-number if direction == MAX else number)
    return found


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether a result is at least as good as another in everything: then the other is not needed."""
    return all(a <= b for a, b in zip(one, other, strict=True))
