"""Successive halving and Hyperband, as functions of the curves alone; no input or output.

A rung is a step at which trials are compared: a third, a ninth and a twenty-seventh of the longest curve. Of
the trials that have come to a rung, the best third goes on; the others end. With Hyperband, every third trial
is judged at all rungs, every third from the second rung on, and every third at the last alone; each kind is
compared with its own kind. See Li et al., "A System for Massively Parallel Hyperparameter Tuning" (2020).
"""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.named_tuple import NamedTuple
from gitexp.project.sections.directions import MAX

HALVING, HYPERBAND = "halving", "hyperband"
_KEPT = 3  # of so many trials, one goes on
_RUNGS = 3


class TrialCurve(NamedTuple):
    """The numbers of a trial so far, with the number of the trial."""

    trial: int
    numbers: Sequence[float]


def is_hopeless(
    pruner: str, direction: str, own: TrialCurve, others: Sequence[TrialCurve], spared: int
) -> bool:
    """Whether a trial is to end: at the last rung that it has come to, too many others are better.

    A rung at which fewer than `spared` others have been ends no trial.
    """
    rungs = _rungs(max((len(other.numbers) for other in others), default=0))
    if pruner == HYPERBAND:
        rungs = rungs[own.trial % _RUNGS :]
        others = [other for other in others if other.trial % _RUNGS == own.trial % _RUNGS]
    passed = [step for step in rungs if step <= len(own.numbers)]
    if not passed:
        return False
    step = passed[-1]
    there = [other for other in others if len(other.numbers) >= step]
    if len(there) < spared:
        return False
    mine = _cost(own, step, direction)
    better = sum(_cost(other, step, direction) < mine for other in there)
    return better >= max((len(there) + 1) // _KEPT, 1)


def _rungs(longest: int) -> list[int]:
    """The steps at which trials are compared, the first one first."""
    steps = {longest // _KEPT**power for power in range(1, _RUNGS + 1)}
    return sorted(steps - {0})


def _cost(curve: TrialCurve, step: int, direction: str) -> float:
    """The best number of a curve up to a step, turned so that low is best."""
    if direction == MAX:
        return -max(curve.numbers[:step])
    return min(curve.numbers[:step])
