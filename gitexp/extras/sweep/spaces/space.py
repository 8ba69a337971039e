"""The space of a search: which values each param may have; no input or output.

A point of the space is a text for each axis, as it stands behind `=` in an `-S`. So what a search has drawn
and what a person has typed are the same thing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from gitexp.errors import OverrideError
from gitexp.extras.sweep.spaces.grid import MOST, values
from gitexp.files.command_words.choices import parts_of
from gitexp.files.command_words.overrides import parse_override, split_override
from gitexp.model import Value
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

Drawn = tuple[str, ...]  # the text of each axis

_CALL = regex(r"(uniform|log_uniform|int_uniform|log_int_uniform)\((.*)\)", re.DOTALL)
_DIGITS = 6  # significant digits of a drawn number: more make tables hard to read, and change nothing
_MOST_SAMPLES = 50  # values of one param that are tried before the first run
_LARGEST_INT = 1 << 53


class AxisKind(Enum):
    """What the values of an axis are."""

    CHOICE = "choice"
    FLOAT = "float"
    INT = "int"


class Axis(NamedTuple):
    """One param of a space.

    Attributes:
        left: the override before its `=`: `train.lr`, or `+train.lr`.
        kind: what the values are.
        typed: the values as the user has written them.
        choices: the texts to choose from; () for numbers.
        low, high: the smallest and the largest number.
        log: whether the order of magnitude is drawn evenly, and not the number.
    """

    left: str
    kind: AxisKind
    typed: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    @property
    def key(self) -> str:
        """The param, without the signs for adding."""
        return self.left.strip().lstrip("+")

    @property
    def size(self) -> float:
        """The number of values; infinite for real numbers."""
        if self.kind is AxisKind.CHOICE:
            return len(self.choices)
        if self.kind is AxisKind.INT:
            return self.high - self.low + 1
        return 1 if self.low == self.high else math.inf

    def at(self, share: float) -> str:
        """The text of the value at a share of the axis, from 0 up to but not including 1."""
        if self.kind is AxisKind.CHOICE:
            return self.choices[int(share * len(self.choices))]
        if self.kind is AxisKind.INT:
            return str(self._int_at(share))
        if self.log:
            return self.text_of(math.exp(_between(math.log(self.low), math.log(self.high), share)))
        return self.text_of(_between(self.low, self.high, share))

    def text_of(self, value: Value) -> str:
        """The text of a value; a number has at most six significant digits, and stays within the bounds."""
        if self.kind is not AxisKind.FLOAT:
            return str(value)
        short = float(f"{value:.{_DIGITS}g}")
        return _decimal(short if self.low <= short <= self.high else min(max(value, self.low), self.high))

    def value_of(self, text: str) -> Value:
        """The value of a text: a number, or one of the choices; None for a text outside the space."""
        if self.kind is AxisKind.CHOICE:
            return _same_choice(text, self.choices)
        try:
            number = float(text)
        except ValueError:
            return None
        if not self.low <= number <= self.high:
            return None
        if self.kind is AxisKind.FLOAT:
            return number
        return int(number) if number == int(number) else None

    def _int_at(self, share: float) -> int:
        """The whole number at a share; each number has an equal part of the axis, or of its logarithm."""
        if self.log:
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            found = round(math.exp(_between(low, high, share)))
        else:
            found = int(self.low) + int(share * self.size)
        return min(max(found, int(self.low)), int(self.high))


class Space(NamedTuple):
    """All points that may be drawn, and the overrides of every run.

    Attributes:
        axes: the params with more than one value, or with bounds.
        fixed: overrides for all runs.
    """

    axes: tuple[Axis, ...]
    fixed: tuple[str, ...] = ()

    @property
    def size(self) -> float:
        """The number of points; infinite with a real number among the params."""
        return math.prod(axis.size for axis in self.axes)

    @property
    def typed(self) -> dict[str, str]:
        """The values of each param as the user has written them, and the fixed overrides."""
        found = {axis.left: axis.typed for axis in self.axes}
        for text in self.fixed:
            left, right = split_override(text)
            found[left] = right.removeprefix("=")
        return found

    def overrides(self, point: Drawn) -> Drawn:
        """The overrides of the run at a point."""
        drawn = [f"{axis.left}={text}" for axis, text in zip(self.axes, point, strict=True)]
        return (*self.fixed, *drawn)

    def point_of(self, values: Mapping[str, str]) -> Drawn:
        """The point with some values by param; () if these are not the params of the space."""
        if values.keys() != {axis.left for axis in self.axes}:
            return ()
        return tuple(values[axis.left] for axis in self.axes)

    def values_at(self, point: Drawn) -> dict[str, str]:
        """The values of a point by param."""
        return {axis.left: text for axis, text in zip(self.axes, point, strict=True)}

    def at(self, number: int) -> Drawn:
        """The point with a number, of a space with an end; the last axis changes first."""
        texts = []
        for axis in reversed(self.axes):
            number, place = divmod(number, int(axis.size))
            texts.append(axis.choices[place] if axis.choices else str(int(axis.low) + place))
        return tuple(reversed(texts))

    def has(self, point: Sequence[str]) -> bool:
        """Whether a point lies in the space."""
        if len(point) != len(self.axes):
            return False
        pairs = zip(self.axes, point, strict=True)
        return all(axis.value_of(text) is not None for axis, text in pairs)


def is_distribution(text: str) -> bool:
    """Whether an override draws numbers between bounds."""
    return _call(text) is not None


def of_overrides(texts: Iterable[str]) -> Space:
    """The space of some overrides with several values or bounds; raises OverrideError."""
    axes, fixed = list[Axis](), list[str]()
    for text in texts:
        axis = _axis(text)
        if axis is None:
            alone = values(text)[0]
            parse_override(alone)
            fixed.append(alone)
        else:
            parse_override(f"{axis.left}={axis.at(0)}")
            axes.append(axis)
    keys = [axis.key for axis in axes]
    for key in keys:
        if keys.count(key) > 1:
            raise OverrideError(f"`{key}` has values twice.", "Write all of its values into one.")
    if not axes:
        raise OverrideError(
            "There is nothing to search in: each param has one value.",
            "Give bounds or choices: -S 'train.lr=log_uniform(1e-5,1e-1)' -S model.units=16,32",
        )
    return Space(tuple(axes), tuple(fixed))


def _call(text: str) -> re.Match[str] | None:
    _, right = split_override(text)
    return _CALL.fullmatch(right.removeprefix("=").strip())


def _axis(text: str) -> Axis | None:
    """The axis that an override means; None for one value. Raises OverrideError."""
    left, right = split_override(text)
    typed = right.removeprefix("=").strip()
    call = _call(text)
    if call is not None:
        return _numbers(left, typed, call[1], parts_of(call[2]))
    if any(map(_CALL.match, parts_of(typed))):
        raise OverrideError(
            f"`{text}` has something beside its bounds.",
            "Write bounds alone, -S 'lr=uniform(0,1)', or values alone: -S lr=0.1,0.01",
        )
    found = values(text)
    choices = tuple(split_override(each)[1].removeprefix("=").strip() for each in found)
    if len(choices) == 1:
        return None
    return Axis(left, AxisKind.CHOICE, typed, choices)


def _numbers(left: str, typed: str, name: str, parts: Sequence[str]) -> Axis:
    """The axis of `uniform(low,high)` and the like."""
    kind = AxisKind.INT if "int" in name else AxisKind.FLOAT
    log = name.startswith("log")
    try:
        low, high = map(float, parts)
    except ValueError as error:
        raise _no_bounds(left, typed, "it takes two numbers") from error
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise _no_bounds(left, typed, "the first number is the lower one")
    if log and low <= 0:
        raise _no_bounds(left, typed, "the logarithm needs bounds above 0")
    if kind is AxisKind.INT and not (
        low == int(low) and high == int(high) and abs(low) + abs(high) < _LARGEST_INT
    ):
        raise _no_bounds(left, typed, "its bounds are whole numbers")
    return Axis(left, kind, typed, (), low, high, log)


def _no_bounds(left: str, typed: str, why: str) -> OverrideError:
    return OverrideError(
        f"`{left}={typed}` is no range to draw from: {why}.",
        "Write uniform(0,1), log_uniform(1e-5,1e-1), int_uniform(1,10) or log_int_uniform(8,512), "
        "with both ends.",
    )


def _between(low: float, high: float, share: float) -> float:
    return low + (high - low) * share


def _decimal(number: float) -> str:
    """The number as YAML readers take it for a number, too: 1.0e-05, and not 1e-05."""
    mantissa, e, exponent = repr(number).partition("e")
    if e and "." not in mantissa:
        mantissa += ".0"
    return mantissa + e + exponent


def _same_choice(text: str, choices: Sequence[str]) -> str | None:
    """The choice with the same text, or else with the same value."""
    if text in choices:
        return text
    try:
        meant = parse_override(f"x={text}").value
    except OverrideError:  # of a record that nobody here has written
        return None
    for choice in choices:
        found = parse_override(f"x={choice}").value
        if type(found) is type(meant) and found == meant:
            return choice
    return None


def samples(space: Space) -> list[Drawn]:
    """Points where each choice comes up: so errors in a choice are found before the first run."""
    most = max(len(axis.choices) for axis in space.axes)
    found = []
    for number in range(min(most, _MOST_SAMPLES)):
        texts = []
        for axis in space.axes:
            texts.append(axis.choices[number % len(axis.choices)] if axis.choices else axis.at(0))
        found.append(tuple(texts))
    return found


def require_end(space: Space) -> None:
    """Raise OverrideError for a space that a grid cannot go through."""
    for axis in space.axes:
        if axis.kind is not AxisKind.CHOICE:
            raise OverrideError(
                f"A grid cannot go through `{axis.left}={axis.typed}`.",
                "Give values, such as 0.1,0.01 or range(1,10,2); or another method: random, sobol, tpe.",
            )
    if space.size > MOST:
        raise OverrideError(
            f"The grid has {space.size:,.0f} points, and {MOST:,} are the most.", "Leave some values out."
        )
