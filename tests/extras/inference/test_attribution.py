"""Which change made a difference: from simulated measurements, with and without noise."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from gitexp.extras.inference.attribution import (
    Attribution,
    Hybrid,
    Measurements,
    NotMeasured,
    UnitFinding,
    attributed,
    estimate,
)
from gitexp.extras.inference.comparison import Sample
from gitexp.extras.inference.noise import NoiseFloor

FLOOR = NoiseFloor(0.01, 40, 10)


def answer(
    count: int, value: Callable[[Hybrid], float | None], seed: int = 1
) -> tuple[Attribution, list[Hybrid]]:
    """The answer for units whose hybrids have a value, and the hybrids that were measured for it."""
    chance, samples, asked = random.Random(seed), dict[Hybrid, Sample | None](), list[Hybrid]()

    def measure(hybrid: Hybrid) -> Sample | None:
        found = value(hybrid)
        return None if found is None else Sample([found + chance.gauss(0, 0.01)])

    for side in (frozenset[int](), frozenset(range(count))):
        samples[side] = measure(side)
    while True:
        try:
            return attributed(Measurements(count, samples, FLOOR)), asked
        except NotMeasured as missing:
            for hybrid in missing.hybrids:
                assert hybrid not in samples
                samples[hybrid] = measure(hybrid)
                asked.append(hybrid)


@pytest.mark.parametrize("count", [2, 3, 4, 6, 8, 12, 40])
def test_one_guilty_unit_is_found(count: int) -> None:
    for culprit in {0, count // 2, count - 1}:
        found, asked = answer(count, lambda hybrid, culprit=culprit: 0.9 + 0.3 * (culprit in hybrid))
        assert found.guilty == {culprit}
        assert found.effects[culprit].finding is UnitFinding.MAKES_IT
        least, most = estimate(count)
        assert least <= len(asked) <= most


def test_effects_of_two_units_and_one_that_works_against_them() -> None:
    found, _ = answer(4, lambda hybrid: 0.2 * (0 in hybrid) + 0.15 * (1 in hybrid) - 0.1 * (2 in hybrid))
    assert [each.finding for each in found.effects] == [
        *(UnitFinding.PART, UnitFinding.PART, UnitFinding.AGAINST, UnitFinding.NOTHING)
    ]
    assert not found.interactions


def test_what_two_do_only_together_is_an_interaction() -> None:
    found, _ = answer(3, lambda hybrid: 0.3 * ({0, 2} <= hybrid))
    assert found.guilty == {0, 2}
    assert [each.finding for each in found.effects][1] is UnitFinding.NOTHING
    assert found.interactions[0].units == (0, 2)
    assert found.interactions[0].effect == pytest.approx(0.3, abs=0.06)
    many, _ = answer(20, lambda hybrid: 0.3 * ({3, 17} <= hybrid))
    assert many.guilty == {3, 17}


def test_hybrids_that_cannot_run_are_no_evidence() -> None:
    """Units 0 and 1 run only together, such as a function and its caller."""
    found, _ = answer(3, lambda hybrid: None if (0 in hybrid) != (1 in hybrid) else 0.3 * (1 in hybrid))
    assert [each.finding for each in found.effects] == [
        *(UnitFinding.CANNOT_TELL, UnitFinding.CANNOT_TELL, UnitFinding.NOTHING)
    ]
    many, _ = answer(16, lambda hybrid: None if (4 in hybrid) != (5 in hybrid) else 0.3 * (5 in hybrid))
    assert many.guilty == {4, 5}


def test_nothing_planted_is_called_nothing() -> None:
    wrong = 0
    for seed in range(40):
        found, _ = answer(4, lambda hybrid: 0.9, seed)
        wrong += len(found.guilty) > 0
    assert wrong <= 4
