"""Verdicts: which of two is better by a metric, in one sentence and for a program."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from gitexp import averages
from gitexp.catalog.replicates import mean_of
from gitexp.extras.inference.comparison import LEVEL, ComparisonKind, GroupComparison, compare, holm
from gitexp.extras.inference.sequential import PairEvidence, as_comparison
from gitexp.extras.inference.sides import Evidence, JudgedSide
from gitexp.named_tuple import NamedTuple
from gitexp.project.sections.directions import MIN
from gitexp.views import markup
from gitexp.views.markup import TableFormat
from gitexp.words import PRECISION, clean, counted, show_value

ALPHA = 1.0 - LEVEL


class Verdict(StrEnum):
    """The verdict on the second side, beside the first."""

    BETTER = "better"
    WORSE = "worse"
    DIFFERENT = "different"  # by a metric without a direction
    NO_TELLING = "no telling"


class Judgement(NamedTuple):
    """The verdict on one side by one metric.

    Attributes:
        metric: the metric.
        direction: `min` or `max`; None if unknown.
        first, second: the sides.
        comparison: the numbers: the second minus the first.
        p: the p value, adjusted for the number of judgements made together.
        verdict: the verdict on the second.
        missing: runs of both sides without a finite number.
    """

    metric: str
    direction: str | None
    first: JudgedSide
    second: JudgedSide
    comparison: GroupComparison
    p: float
    verdict: Verdict
    missing: int

    @property
    def better(self) -> float:
        """The probability of a better second side; NaN without a direction, and with unknown noise."""
        more = self.comparison.more
        if self.direction is None:
            return math.nan
        if self.direction == MIN:
            return 1.0 - more
        return more

    @property
    def sentence(self) -> str:
        """The judgement for a person."""
        return sentence(self)


def judge(evidence: Evidence, metrics: Sequence[str], directions: Sequence[str | None]) -> list[Judgement]:
    """The judgement on each further side against the first, by each metric.

    p values and intervals hold for all judgements together.
    """
    first, *others = evidence.sides
    count = len(others) * len(metrics)
    level = 1.0 - ALPHA / count  # Bonferroni
    made = []
    for metric, direction in zip(metrics, directions, strict=True):
        floor = evidence.floor(metric)
        for second in others:
            sides = first.sample(metric), second.sample(metric)
            comparison = compare(*sides, floor, level)
            missing = sides[0].missing + sides[1].missing
            made.append((metric, direction, second, comparison, missing))
    adjusted = holm([comparison.p for _, _, _, comparison, _ in made])
    found = []
    for (metric, direction, second, comparison, missing), p in zip(made, adjusted, strict=True):
        verdict = _verdict(comparison, p, direction)
        found.append(Judgement(metric, direction, first, second, comparison, p, verdict, missing))
    return found


def of_pairs(
    evidence: Evidence, metric: str, direction: str | None, found: PairEvidence, alpha: float
) -> Judgement:
    """The judgement on pairs of runs, made until the decision."""
    comparison = as_comparison(found)
    first, second = evidence.sides
    p = comparison.p
    if not found.is_decided(alpha):
        p = max(p, alpha)
    verdict = _verdict(comparison, p, direction)
    return Judgement(metric, direction, first, second, comparison, p, verdict, 0)


def _verdict(comparison: GroupComparison, p: float, direction: str | None) -> Verdict:
    if math.isnan(p) or p >= ALPHA or comparison.effect == 0.0:
        return Verdict.NO_TELLING
    if direction is None:
        return Verdict.DIFFERENT
    if (comparison.effect < 0.0) == (direction == MIN):
        return Verdict.BETTER
    return Verdict.WORSE


def sentence(one: Judgement) -> str:
    """The judgement for a person."""
    found = one.comparison
    runs = _runs(found)
    effect = f"{clean(one.metric)} {signed(found)}"
    second, first = clean(one.second.name), clean(one.first.name)
    match one.verdict:
        case Verdict.BETTER | Verdict.WORSE:
            return f"{second} is {one.verdict} than {first}: {effect}, {runs}"
        case Verdict.DIFFERENT:
            return f"{second} differs from {first}: {effect}, {runs}; no direction says which is better"
    if found.manner is ComparisonKind.NONE:
        return (
            f"no telling between {second} and {first}: {effect}, and nothing says how far apart two equal "
            "runs are: no experiment here has a replicate"
        )
    if found.effect == 0.0:
        return f"no telling between {second} and {first}: {clean(one.metric)} is equal, {runs}"
    told = f"no telling between {second} and {first}: "
    told += f"{effect} is inside the noise of {found.noise:.2g}, {runs}"
    if found.needed is not None:
        told += f"; about {counted(found.needed, 'run')} of each would be needed"
    return told


def written(form: TableFormat, found: Sequence[Judgement]) -> list[str]:
    """The judgements as a table for another program; as CSV numbers in full."""
    if form is TableFormat.CSV:
        heads = ("metric", "first", "second", "effect", "low", "high", "p", "verdict")
        return markup.table(form, heads, [_in_full(one) for one in found])
    heads = ("metric", "first", "value", "second", "value", "effect", "p", "verdict")
    return markup.table(form, heads, [_in_words(one) for one in found])


def _in_full(one: Judgement) -> list[Any]:
    numbers = (one.comparison.effect, one.comparison.low, one.comparison.high, one.p)
    return [one.metric, one.first.name, one.second.name, *map(_known, numbers), str(one.verdict)]


def _in_words(one: Judgement) -> list[str]:
    """The cells of a judgement; each side as mean ± standard deviation (n)."""
    cells = [one.metric]
    for side in (one.first, one.second):
        values = side.sample(one.metric).values
        value: Any = values[0]
        if len(values) > 1:
            value = mean_of(list(values), len(side.metrics))
        cells += [side.name, show_value(value, PRECISION)]
    p = "" if math.isnan(one.p) else f"{one.p:.2g}"
    return [*cells, signed(one.comparison), p, str(one.verdict)]


def as_json(one: Judgement) -> dict[str, Any]:
    """The judgement for a program; unknown values are null."""
    found = one.comparison
    return {
        "metric": one.metric,
        "direction": one.direction,
        "first": _side(one.first, one.metric),
        "second": _side(one.second, one.metric),
        "verdict": one.verdict,
        "effect": found.effect,
        "low": _known(found.low),
        "high": _known(found.high),
        "p": _known(one.p),
        "better": _known(one.better),
        "manner": found.manner,
        "noise": _known(found.noise),
        "needed": found.needed,
        "sentence": sentence(one),
    }


def _side(side: JudgedSide, metric: str) -> dict[str, Any]:
    sample = side.sample(metric)
    return {
        "name": side.name,
        "members": [member.name for member in side.members],
        "values": list(sample.values),
        "mean": averages.mean(sample.values),
        "missing": sample.missing,
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _runs(found: GroupComparison) -> str:
    first, second = found.runs
    if found.manner in (ComparisonKind.PAIRED, ComparisonKind.SEQUENTIAL):
        return f"{counted(first, 'pair')} of runs with the same seeds"
    return f"{second:,} against {counted(first, 'run')}"


def signed(found: GroupComparison) -> str:
    """The effect with its sign, and half of its interval: `+0.012 ± 0.004`."""
    half = (found.high - found.low) / 2
    if not math.isfinite(half) or half == 0.0:
        return f"{found.effect:+.4g}"
    digits = 1 - math.floor(math.log10(half))  # two of the interval's
    if not -6 < digits < 12:
        return f"{found.effect:+.3g} ± {half:.2g}"
    places = max(digits, 0)
    return f"{round(found.effect, digits):+.{places}f} ± {round(half, digits):.{places}f}"
