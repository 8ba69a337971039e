"""Words about named experiments that are replicates: a comparison takes each by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitexp.catalog import replicates
from gitexp.catalog.lookup import Point
from gitexp.project.project import Project
from gitexp.words import clean, shorten


def means_of(project: Project, points: Sequence[Point], again: Callable[..., str]) -> str:
    """A line with the command that compares the means; "" if no point is a replicate.

    Points of the same group differ in nothing but the seed: of them the single runs are meant.
    """
    found = [point.experiment for point in points if point.experiment is not None]
    if len(found) > 1 and len(set(map(replicates.key_of, found))) == 1:
        return ""
    every, names = project.store.readable(), dict[int, list[str]]()
    for one in found:
        if members := replicates.replicates_of(one, every):
            names.setdefault(len(members), []).append(clean(one.name))
    if not names:
        return ""
    told = []
    for count, same in names.items():
        each = "is" if len(same) == 1 else "are each"
        told.append(f"{shorten(same)} {each} one of {count} replicates")
    return f"{shorten(told)}. The means: {again('--group', 'replicates')}"
