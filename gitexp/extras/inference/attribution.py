"""Which of several changes made a difference: from what was measured of hybrids; no input or output.

A hybrid is the first side with some of the changes of the second: a set of units. The empty set is the first
side itself, the set of all the second. What is not measured yet is asked for, and the same question is put
again when it is known: so an answer rests on the measurements alone, whoever made them and when.

Up to four units all sets are measured. Up to eight each unit is added alone to the first side, and taken
alone from the second. Of more units one or a few are sought that are guilty together: by delta debugging,
Zeller and Hildebrandt, IEEE Transactions on Software Engineering 28 (2002).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from gitexp import averages
from gitexp.extras.inference.comparison import LEVEL, GroupComparison, Sample, compare
from gitexp.extras.inference.noise import NoiseFloor
from gitexp.named_tuple import NamedTuple

Hybrid = frozenset[int]  # the units that it has of the second side, by their numbers

_MOST_OF_ALL = 4  # units of which all sets are measured
_MOST_ALONE = 8  # units of which each is measured alone


class UnitFinding(StrEnum):
    """What can be said of a unit."""

    MAKES_IT = "makes the difference"
    PART = "makes a part of it"
    AGAINST = "works against it"
    TOGETHER = "only together with others"
    NOTHING = "no effect"
    CANNOT_TELL = "cannot tell"
    NOT_TRIED = "not among those that make it"


class UnitEffect(NamedTuple):
    """What a unit does.

    Attributes:
        unit: its number.
        on_first: the first side with the unit, against the first side; None if it was not measured.
        on_second: the second side, against the second side without the unit; None likewise.
        finding: what is said of it.
    """

    unit: int
    on_first: GroupComparison | None
    on_second: GroupComparison | None
    finding: UnitFinding


class Interaction(NamedTuple):
    """Two units that do together what they do not do alone: `effect` is what goes beyond their sum."""

    units: tuple[int, int]
    effect: float


class Attribution(NamedTuple):
    """The answer.

    Attributes:
        effects: of each unit, in order of their numbers.
        guilty: the units that make the difference, together.
        interactions: pairs beyond the noise, the largest first.
    """

    effects: Sequence[UnitEffect]
    guilty: Hybrid
    interactions: Sequence[Interaction]


class Measurements(NamedTuple):
    """What is known of the hybrids.

    Attributes:
        units: the number of units.
        samples: the values of each measured hybrid; None for one that cannot run.
        floor: the noise floor of the metric.
    """

    units: int
    samples: Mapping[Hybrid, Sample | None]
    floor: NoiseFloor | None

    @property
    def all(self) -> Hybrid:
        """The second side."""
        return frozenset(range(self.units))

    def mean(self, hybrid: Hybrid) -> float | None:
        """The mean of a measured hybrid; None for one that cannot run."""
        sample = self.samples[hybrid]
        return None if sample is None else averages.mean(sample.values)

    def compared(self, first: Hybrid, second: Hybrid) -> GroupComparison | None:
        """Two measured hybrids; None if one of them was not measured, or cannot run.

        The intervals hold for the comparisons of all units together.
        """
        one, other = self.samples.get(first), self.samples.get(second)
        level = 1.0 - (1.0 - LEVEL) / (2 * self.units)
        return None if one is None or other is None else compare(one, other, self.floor, level)


class NotMeasured(Exception):
    """Hybrids that have to be measured first: `hybrids`, which may be measured at the same time."""

    def __init__(self, hybrids: Sequence[Hybrid]) -> None:
        super().__init__()
        self.hybrids = hybrids


def attributed(known: Measurements) -> Attribution:
    """The answer from what is known, with both sides measured; raises NotMeasured for what is missing."""
    if known.units <= _MOST_OF_ALL:
        _require(known, _all_sets(known.units))
        return _of_effects(known, _pairs(known))
    if known.units <= _MOST_ALONE:
        singles = [frozenset({unit}) for unit in range(known.units)]
        _require(known, [*singles, *(known.all - single for single in singles)])
        return _of_effects(known, ())
    guilty = _smallest(known)
    _require(known, [known.all - guilty])
    return _of_guilty(known, guilty)


def estimate(count: int) -> tuple[int, int]:
    """The number of hybrids, at least and at most, for so many units."""
    if count <= _MOST_OF_ALL:
        return (2**count - 2,) * 2
    if count <= _MOST_ALONE:
        return (2 * count,) * 2
    halvings = (count - 1).bit_length()
    return halvings + 1, 4 * halvings + 2 * count


def _require(known: Measurements, hybrids: Sequence[Hybrid]) -> None:
    if missing := [hybrid for hybrid in hybrids if hybrid not in known.samples]:
        raise NotMeasured(missing)


def _all_sets(count: int) -> list[Hybrid]:
    """All sets of units but the empty one and the full one."""
    found = []
    for size in range(1, count):
        found += [frozenset(units) for units in itertools.combinations(range(count), size)]
    return found


def _of_effects(known: Measurements, interactions: Sequence[Interaction]) -> Attribution:
    """The answer from the effects of each unit alone."""
    total = known.compared(frozenset(), known.all)
    assert total is not None  # both sides are measured
    effects, guilty = [], set[int]()
    for unit in range(known.units):
        single = frozenset({unit})
        on_first = known.compared(frozenset(), single)
        on_second = known.compared(known.all - single, known.all)
        finding = _finding(on_first, on_second, total)
        effects.append(UnitEffect(unit, on_first, on_second, finding))
        if finding in (UnitFinding.MAKES_IT, UnitFinding.PART, UnitFinding.TOGETHER):
            guilty.add(unit)
    return Attribution(effects, frozenset(guilty), interactions)


def _finding(
    on_first: GroupComparison | None, on_second: GroupComparison | None, total: GroupComparison
) -> UnitFinding:
    if on_first is None and on_second is None:
        return UnitFinding.CANNOT_TELL
    sure = [one for one in (on_first, on_second) if one is not None and one.is_decided]
    if not sure:
        return UnitFinding.NOTHING
    if any(one.effect * total.effect < 0.0 for one in sure):
        return UnitFinding.AGAINST
    if len(sure) == 1 and on_first is not None and on_second is not None:
        return UnitFinding.TOGETHER
    largest = max(abs(one.effect) for one in sure)
    rest = abs(total.effect) - largest
    half_width = (total.high - total.low) / 2
    return UnitFinding.MAKES_IT if rest <= half_width else UnitFinding.PART


def _pairs(known: Measurements) -> list[Interaction]:
    """The pairs of units whose effect together is beyond the sum of their effects by more than noise."""
    found = []
    noise = 0.0 if known.floor is None else known.floor.sd
    for pair in itertools.combinations(range(known.units), 2):
        one, other = (frozenset({unit}) for unit in pair)
        sets = (frozenset[int](), one, other, one | other)
        means = [known.mean(hybrid) for hybrid in sets]
        if None in means:
            continue
        none, first, second, both = (mean for mean in means if mean is not None)
        runs = [len(sample.values) for hybrid in sets if (sample := known.samples[hybrid]) is not None]
        error = noise * sum(1 / count for count in runs) ** 0.5
        effect = both - first - second + none
        if abs(effect) > 2 * error:
            found.append(Interaction((pair[0], pair[1]), effect))
    return sorted(found, key=lambda each: -abs(each.effect))


def _of_guilty(known: Measurements, guilty: Hybrid) -> Attribution:
    """The answer when a smallest set is known that makes the difference."""
    on_first = known.compared(frozenset(), guilty)
    on_second = known.compared(known.all - guilty, known.all)
    effects = []
    for unit in range(known.units):
        if unit not in guilty:
            effects.append(UnitEffect(unit, None, None, UnitFinding.NOT_TRIED))
        elif len(guilty) == 1:
            effects.append(UnitEffect(unit, on_first, on_second, UnitFinding.MAKES_IT))
        else:
            effects.append(UnitEffect(unit, None, None, UnitFinding.TOGETHER))
    return Attribution(effects, guilty, ())


def _smallest(known: Measurements) -> Hybrid:
    """A smallest set of units that makes the larger part of the difference."""
    first, second = known.mean(frozenset()), known.mean(known.all)
    assert first is not None
    assert second is not None

    def makes_it(hybrid: Hybrid) -> bool:
        mean = known.mean(hybrid)
        return mean is not None and abs(mean - second) < abs(mean - first)

    left, parts = sorted(known.all), 2
    while len(left) > 1:
        pieces = _split(left, parts)
        smaller = _first(known, pieces, makes_it)
        if smaller is not None:
            left, parts = sorted(smaller), 2
            continue
        if parts > 2:
            others = [frozenset(left) - piece for piece in pieces]
            smaller = _first(known, others, makes_it)
        if smaller is not None:
            left, parts = sorted(smaller), max(parts - 1, 2)
        elif parts < len(left):
            parts = min(2 * parts, len(left))
        else:
            break
    return frozenset(left)


def _first(
    known: Measurements, hybrids: Sequence[Hybrid], makes_it: Callable[[Hybrid], bool]
) -> Hybrid | None:
    """The first of some hybrids that makes the difference, all of them measured."""
    _require(known, hybrids)
    return next(filter(makes_it, hybrids), None)


def _split(units: Sequence[int], parts: int) -> list[Hybrid]:
    """Units in so many parts of nearly equal size, in their order."""
    found = []
    for part in range(parts):
        begin, end = part * len(units) // parts, (part + 1) * len(units) // parts
        found.append(frozenset(units[begin:end]))
    return found
