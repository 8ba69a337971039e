"""Experiments in whose place another one counts: the same run, which went on from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gitexp.model import Experiment, Stored, readable


def superseded(experiments: Iterable[Stored]) -> set[str]:
    """The commits of the experiments that another one of them goes on from, as the same run.

    A run with other params is another run: then both count.
    """
    found = set[tuple[str, str]]()
    sound = readable(experiments)
    for one in sound:
        told = one.record.resumed_from
        if told and told["commit"] != one.record.commit:
            found.add((told["commit"], one.record.identity))
    if not found:  # most repositories: nothing was resumed
        return set()
    return {one.record.commit for one in sound if (one.record.commit, one.record.identity) in found}


def without_superseded(experiments: Sequence[Stored]) -> list[Stored]:
    """The experiments that count."""
    gone = superseded(experiments)
    if not gone:
        return list(experiments)
    return [one for one in experiments if not (isinstance(one, Experiment) and one.record.commit in gone)]
