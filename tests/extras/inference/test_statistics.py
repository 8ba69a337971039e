"""The statistics of verdicts: against SciPy, and by simulation of what they promise."""

from __future__ import annotations

import math
import random

import pytest

from gitexp.extras.inference import student
from gitexp.extras.inference.comparison import ComparisonKind, Sample, compare, holm, runs_needed
from gitexp.extras.inference.noise import NoiseFloor, noise_floor
from gitexp.extras.inference.sequential import evidence
from gitexp.extras.inference.sides import Evidence, JudgedSide
from gitexp.extras.inference.verdict import Verdict, judge

scipy_stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")


@pytest.mark.parametrize("dof", [0.3, 1, 1.7, 2, 5, 30, 1e3, 1e6])
def test_the_t_distribution_is_scipys(dof: float) -> None:
    for t in (-40.0, -3.0, -0.5, -1e-9, 0.0, 1e-9, 0.1, 2.0, 7.0, 200.0):
        assert student.cdf(t, dof) == pytest.approx(scipy_stats.t.cdf(t, dof), rel=1e-9, abs=1e-300)
        assert student.two_sided(t, dof) == pytest.approx(2 * scipy_stats.t.sf(abs(t), dof), rel=1e-9)
    for probability in (1e-6, 0.025, 0.3, 0.5, 0.975, 0.9999):
        expected = scipy_stats.t.ppf(probability, dof)
        assert student.quantile(probability, dof) == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_two_groups_are_compared_as_scipy_does() -> None:
    chance = random.Random(1)
    for counts in ((3, 3), (3, 9), (5, 5), (40, 3)):
        first = [chance.gauss(1.0, 0.1) for _ in range(counts[0])]
        second = [chance.gauss(1.1, 0.4) for _ in range(counts[1])]
        found = compare(Sample(first), Sample(second))
        expected = scipy_stats.ttest_ind(second, first, equal_var=False)
        interval = expected.confidence_interval(0.95)
        assert found.manner is ComparisonKind.WELCH
        assert found.p == pytest.approx(expected.pvalue)
        assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_pairs_by_seed_are_compared_as_scipy_does() -> None:
    chance = random.Random(2)
    hard = [chance.gauss(0, 1) for _ in range(6)]
    first = {str(seed): value + chance.gauss(0, 0.01) for seed, value in enumerate(hard)}
    second = {str(seed): value + 0.05 + chance.gauss(0, 0.01) for seed, value in enumerate(hard)}
    sides = Sample([*first.values()], first), Sample([*second.values()], second)
    found = compare(*sides)
    expected = scipy_stats.ttest_rel([*second.values()], [*first.values()])
    assert (found.manner, found.p) == (ComparisonKind.PAIRED, pytest.approx(expected.pvalue))
    assert found.is_decided
    assert not compare(Sample(sides[0].values), Sample(sides[1].values)).is_decided


def test_a_single_run_is_compared_with_the_noise_floor() -> None:
    floor = NoiseFloor(0.01, runs=9, groups=3)
    assert not compare(Sample([0.90]), Sample([0.91]), floor).is_decided
    found = compare(Sample([0.90]), Sample([0.95]), floor)
    assert found.is_decided
    assert found.manner is ComparisonKind.NOISE
    half = scipy_stats.t.ppf(0.975, 6) * 0.01 * math.sqrt(2)
    assert (found.low, found.high) == (pytest.approx(0.05 - half), pytest.approx(0.05 + half))
    unknown = compare(Sample([0.90]), Sample([0.95]))
    assert unknown.manner is ComparisonKind.NONE
    assert not unknown.is_decided
    assert math.isnan(unknown.p)


def test_runs_without_noise_are_as_they_are() -> None:
    assert compare(Sample([1.0, 1.0]), Sample([2.0, 2.0])).more == 1.0
    assert compare(Sample([1.0, 1.0]), Sample([1.0, 1.0])).is_decided is False
    assert compare(Sample([1.0]), Sample([1.5]), NoiseFloor(0.0, 4, 2)).is_decided
    wavering = compare(Sample([1.0, 1.0]), Sample([1.2, 1.2]), NoiseFloor(0.5, 20, 4))
    assert wavering.manner is ComparisonKind.NOISE
    assert not wavering.is_decided


@pytest.mark.parametrize("counts", [(2, 2), (3, 3), (2, 8), (1, 1), (1, 5)])
def test_intervals_cover_the_true_effect(counts: tuple[int, int]) -> None:
    chance, rounds, covered = random.Random(3), 600, 0
    for _ in range(rounds):
        others = [[chance.gauss(0, 1) for _ in range(3)] for _ in range(12)]
        first, second = ([chance.gauss(0, 1) for _ in range(count)] for count in counts)
        found = compare(Sample(first), Sample(second), noise_floor(others))
        covered += found.low <= 0.0 <= found.high
    assert covered / rounds > 0.93


def test_the_noise_floor_is_the_standard_deviation_and_robust() -> None:
    chance = random.Random(4)
    groups = [[chance.gauss(mean, 0.03) for _ in range(mean % 4 + 2)] for mean in range(400)]
    found = noise_floor(groups)
    assert found is not None
    assert found.sd == pytest.approx(0.03, rel=0.07)
    wild = [[*values[:-1], 50.0] if number % 10 == 0 else values for number, values in enumerate(groups)]
    robust = noise_floor(wild)
    assert robust is not None
    assert robust.sd == pytest.approx(0.03, rel=0.25)
    assert noise_floor([[1.0], [2.0]]) is None
    assert noise_floor([[1.0, 1.0, 1.0, 1.0, 2.0]]) == NoiseFloor(math.sqrt(0.2), 5, 1)  # most are equal
    assert robust.is_robust
    assert not found.is_robust
    assert noise_floor([[1.0, 1.0]]) == NoiseFloor(0.0, 2, 1)


def test_looking_after_each_pair_errs_no_more_often_than_it_says() -> None:
    chance, rounds, alpha, wrong, missed = random.Random(5), 600, 0.05, 0, 0
    for _ in range(rounds):
        differences: list[float] = []
        for _ in range(60):
            differences.append(chance.gauss(0, 1))
            found = evidence(differences, alpha)
            if found.is_decided(alpha):
                wrong += 1
                break
    for _ in range(100):
        differences = [chance.gauss(1, 1) for _ in range(60)]
        missed += not evidence(differences, alpha).is_decided(alpha)
        found = evidence(differences, alpha)
        assert found.is_decided(alpha) is not (found.low <= 0.0 <= found.high)
    assert wrong / rounds <= alpha
    assert missed < 1


def test_several_comparisons_are_adjusted_for_their_number() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, math.nan, 0.5]) == pytest.approx([1.0, math.nan, 1.0], nan_ok=True)
    assert holm([]) == []


def test_the_runs_that_are_needed() -> None:
    needed = runs_needed(0.01, 0.01)
    assert needed == 16
    assert runs_needed(0.0, 0.01) is None
    assert runs_needed(1.0, 0.0) == 2


def test_without_other_runs_two_small_groups_are_compared_by_their_pooled_variance() -> None:
    first, second = [1.0, 1.2], [1.5, 1.4, 1.6]
    found = compare(Sample(first), Sample(second))
    expected = scipy_stats.ttest_ind(second, first)
    interval = expected.confidence_interval(0.95)
    assert (found.manner, found.p) == (ComparisonKind.POOLED, pytest.approx(expected.pvalue))
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_a_metric_that_half_of_the_runs_lack_is_judged_by_the_others() -> None:
    flats: list[dict[str, float]] = [
        {"acc": 0.90},
        {},
        {"acc": 0.91},
        {"loss": 1.0},
        {"acc": 0.92},
        {"acc": math.nan},
    ]
    first = JudgedSide("a", (), flats, ["1", "2", "3", "4", "5", "6"])
    second = JudgedSide("b", (), [{"acc": 0.95 + 0.01 * seed} for seed in range(6)], list("123456"))
    evidence_of = Evidence([first, second], {})
    assert (evidence_of.metrics(), first.sample("acc").missing) == (["acc"], 3)
    (found,) = judge(evidence_of, ["acc"], ["max"])
    assert (found.missing, found.comparison.manner, found.comparison.runs) == (
        3,
        ComparisonKind.WELCH,
        (3, 6),
    )
    assert found.verdict is Verdict.BETTER
    assert Evidence([first, JudgedSide("c", (), [{}], [None])], {}).metrics() == []
    huge = JudgedSide("d", (), [{"acc": 1e200}, {"acc": 10**400}, {"acc": 0.5}], [None] * 3).sample("acc")
    assert (huge.values, huge.missing) == ([0.5], 2)  # no float holds the squares of the others
