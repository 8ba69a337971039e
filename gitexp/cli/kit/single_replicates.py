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
    every, told = project.store.readable(), list[str]()
    for one in found:
        if members := replicates.replicates_of(one, every):
            told.append(f"{clean(one.name)} is one of {len(members)} replicates")
    if not told:
        return ""
    return f"{shorten(told)}. The means: {again('--group', 'replicates')}"
