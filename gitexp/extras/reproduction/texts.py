"""What came of reproductions, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gitexp.catalog.certificates import Grade
from gitexp.extras.reproduction.comparing import ReproductionComparison
from gitexp.extras.reproduction.curves import Parting
from gitexp.extras.reproduction.grades import MetricPair
from gitexp.extras.reproduction.outs import DifferingOut
from gitexp.extras.reproduction.reproduce import Reproduced
from gitexp.files.scalars import jsonable
from gitexp.model import MISSING, Change, Value
from gitexp.words import PRECISION, clean, counted, show_value

_MOST = 10


def sentence(found: ReproductionComparison) -> str:
    """The outcome in one sentence."""
    name, again = clean(found.original.name), clean(found.again.name)
    if found.grade is Grade.BITWISE:
        return f"{again} reproduces {name} bitwise: {_compared(found)}"
    told = {
        Grade.TOLERANCE: f"{again} reproduces {name} within tolerance, not bitwise",
        Grade.STATISTICAL: f"{again} reproduces {name} statistically: inside what its replicates vary by",
        Grade.DIFFERENT: f"{again} does not reproduce {name}",
    }
    return told[found.grade]


def compared(found: ReproductionComparison) -> dict[str, int]:
    """The numbers of compared outs, metrics and curves."""
    metrics = len([pair for pair in found.metrics if pair.is_compared])
    return {"outs": found.outs.compared, "metrics": metrics, "curves": found.curves}


def _compared(found: ReproductionComparison) -> str:
    """The numbers of compared outs, metrics and curves for people, without zeros."""
    parts = []
    for nouns, count in compared(found).items():
        if count:
            parts.append(counted(count, nouns.removesuffix("s")))
    return ", ".join(parts)


def lines(found: ReproductionComparison) -> Iterator[str]:
    """The outcome for people: the sentence, then the differences."""
    yield sentence(found)
    for pair in found.differing[:_MOST]:
        yield f"  metric {clean(pair.name)}: {_shown(pair.original)} → {_shown(pair.again)}{_why(pair)}"
    yield from _more(len(found.differing), "metric")
    if found.stage:
        yield f"  first differing stage: {clean(found.stage)}"
    for out in found.outs.differing[:_MOST]:
        yield f"  out {clean(out.path)}: {_difference(out)}"
    yield from _more(len(found.outs.differing), "out")
    for parting in found.partings[:_MOST]:
        yield f"  {_parting(parting)}"
    yield from _more(len(found.partings), "curve")
    if found.grade is not Grade.BITWISE:
        for change in found.circumstances[:_MOST]:
            yield f"  {clean(change.key)}: {_shown(change.old)} → {_shown(change.new)}"
        yield from _more(len(found.circumstances), "circumstance")


def _difference(out: DifferingOut) -> str:
    if not out.again:
        return "missing"
    if not out.original:
        return "new"
    return "differs"


def _more(count: int, noun: str) -> Iterator[str]:
    if count > _MOST:
        yield f"  … and {counted(count - _MOST, noun)} more"


def _parting(found: Parting) -> str:
    original, again = _point(found.original), _point(found.again)
    return f"curve {clean(found.name)} parts at step {found.step:,}: {original} → {again}"


def _point(value: float | None) -> str:
    return _shown(MISSING if value is None else value)


def _shown(value: Value) -> str:
    return "none" if value is MISSING else show_value(value, 17)


def _why(pair: MetricPair) -> str:
    """The tolerance or the range of replicates beside a value; "" for neither."""
    if pair.grade is Grade.TOLERANCE:
        return f" (tolerance {show_value(pair.tolerance, PRECISION)})"
    if pair.spread is not None:
        low, high = (show_value(value, PRECISION) for value in pair.spread[:2])
        where = "outside"
        if pair.grade is Grade.STATISTICAL:
            where = "inside"
        return f" ({where} {low} to {high}, by {pair.spread.runs} runs)"
    return ""


def as_json(found: Reproduced) -> dict[str, Any]:
    """The outcome for a program."""
    comparison = found.comparison
    return {
        "experiment": comparison.original.name,
        "reproduction": comparison.again.name,
        "grade": comparison.grade,
        "ran": found.is_new,
        "compared": compared(comparison),
        "metrics": list(map(_metric, comparison.metrics)),
        "stage": comparison.stage or None,
        "outs": [out._asdict() for out in comparison.outs.differing],
        "not_compared": comparison.outs.not_compared,
        "curves": [jsonable(parting._asdict()) for parting in comparison.partings],
        "circumstances": list(map(_circumstance, comparison.circumstances)),
        "certificate": found.certificate.as_json(),
        "sentence": sentence(comparison),
    }


def _circumstance(change: Change) -> dict[str, Any]:
    return {"name": change.key, "original": _plain(change.old), "again": _plain(change.new)}


def _metric(pair: MetricPair) -> dict[str, Any]:
    document = {
        "name": pair.name,
        "original": _plain(pair.original),
        "again": _plain(pair.again),
        "grade": pair.grade,
        "tolerance": pair.tolerance,
    }
    if not pair.is_compared:
        document.update(grade=None, tolerance="any")
    if pair.spread is not None:
        document.update(low=pair.spread.low, high=pair.spread.high, runs=pair.spread.runs)
    return document


def _plain(value: Value) -> Value:
    return None if value is MISSING else jsonable(value)
