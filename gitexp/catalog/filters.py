"""Filters of experiments: `acc > 0.9 and created > '2 days ago' and 'best' in tags`.

A filter is never evaluated as Python. A comparison with a value that an experiment lacks is false, with any
operator. Values of different types are unequal, and neither is less. docs/filters.md explains the language.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gitexp import errors
from gitexp.catalog import filter_syntax as syntax
from gitexp.catalog import replicates
from gitexp.catalog.fields import Reader, Row, Use, used_for
from gitexp.catalog.filter_syntax import And, Comparison, Condition, Literal, Name, Not, Operand, Or, Truth
from gitexp.catalog.rows import in_several_files, meant, metric_keys, param_keys
from gitexp.files import as_list, is_number, measured
from gitexp.model import MISSING, Experiment, Status
from gitexp.times import Moment, parse_duration, parse_moment
from gitexp.words import did_you_mean

_MOST_KEYS = 2000  # searched for the key that was meant
_NEGATED = {"!=": "==", "!~": "~", "not in": "in"}
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_VALUES = ("metrics", "params")  # of a row; the first one counts where both have a key
_ATTRIBUTES = used_for(Use.FILTER)
_ENDS = ("status", "exit_code", "reason")  # how a run has ended: of replicates, each run in its own way


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter after parsing, with the keys and attributes in it, in order."""

    text: str
    condition: Condition
    _names: tuple[Name, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.text for name in self._names))

    def matches(self, row: Row, now: datetime) -> bool:
        """Whether a row passes the filter. The row may lack a name of the filter."""
        return self._lets_through(row, now, self._readers([row]))

    def select(
        self, rows: Sequence[Row], now: datetime, others: Callable[[], Sequence[Row]] = tuple
    ) -> list[Row]:
        """The rows that pass the filter, in their order; a damaged experiment never passes.

        Raises FilterError with the nearest names if no row has a name. `others` gives more rows to look for
        the name in; it is called only if `rows` lack the name.
        """
        readers = self._readers(rows)
        if _nothing in readers.values() and (every := [*rows, *others()]):
            there = self._readers(every)
            for name in self._names:
                if there[name.text] is _nothing:
                    raise self._unknown(name, every)
        return [row for row in rows if self._lets_through(row, now, readers)]

    def _readers(self, rows: Sequence[Row]) -> dict[str, Reader]:
        """The reader of each name in the filter."""
        return {name.text: _reader(name.text, rows) for name in self._names}

    def _lets_through(self, row: Row, now: datetime, readers: Mapping[str, Reader]) -> bool:
        """Whether a row passes; a group, if it passes with the end of one of its runs."""
        if row.error is not None:
            return False
        looks = [row]
        if row.members and not set(_ENDS).isdisjoint(readers):
            looks = [_with_end(row, member) for member in row.members]
        return any(_holds(self.condition, _RowScope(look, now, readers)) for look in looks)

    def _unknown(self, name: Name, rows: Sequence[Row]) -> errors.UsageError:
        keys = list(dict.fromkeys([*metric_keys(rows), *param_keys(rows)]))
        known = [*_ATTRIBUTES, *keys][:_MOST_KEYS]
        hint = did_you_mean(name.text, known, f"There are: {', '.join(keys[:12])}.")
        if name in _meant_as_texts(self.condition):
            hint = f"If a text is meant, it stands in quotes: '{name.text}'"
        if several := in_several_files(name.text, keys):
            hint = f"It stands in several files. Say which: {several}."
        return errors.UsageError(
            f"No experiment has '{name.text}' (character {name.at + 1} of the filter).",
            hint,
            code="invalid-filter",
        )


def parse(text: str) -> Filter:
    """The filter in a text; raises UsageError with the place of the mistake."""
    condition = _checked(syntax.read(text), text)
    return Filter(text, condition, tuple(_named(condition)))


def _named(condition: Condition) -> Iterator[Name]:
    match condition:
        case Truth(operand):
            if isinstance(operand, Name):
                yield operand
        case Comparison(left, _, right):
            for operand in (left, right):
                if isinstance(operand, Name):
                    yield operand
        case Not(part):
            yield from _named(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _named(part)


def _meant_as_texts(condition: Condition) -> Iterator[Name]:
    """The names in places where people mostly mean a text: `status == done`, `created > today`."""
    match condition:
        case Comparison(Name(left), how, Name() as right):
            if how in ("==", "!=") or _kind(left) in ("time", "seconds"):
                yield right
        case Not(part):
            yield from _meant_as_texts(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _meant_as_texts(part)


# -- checks before there is an experiment -------------------------------------------------------------


def _kind(name: str) -> str:
    if name in _ATTRIBUTES:
        return _ATTRIBUTES[name].kind
    return ""


def _checked(condition: Condition, text: str) -> Condition:
    """The condition with its times and durations parsed; raises UsageError."""
    match condition:
        case Comparison(left, how, right):
            return Comparison(_meant(left, how, right, text), how, _meant(right, how, left, text))
        case Not(part):
            return Not(_checked(part, text))
        case And(parts) | Or(parts):
            return replace(condition, parts=tuple(_checked(part, text) for part in parts))
    return condition


def _meant(operand: Operand, how: str, other: Operand, text: str) -> Operand:
    """An operand with its meaning beside the other operand."""
    if not isinstance(operand, Literal) or not isinstance(other, Name) or how in syntax.OF_PATTERNS:
        return operand
    match _kind(other.text):
        case "status":
            _check_status(operand, how, text)
        case "time" if operand.value is not None:
            return _moment(operand, how, other.text, text)
        case "seconds":
            return Literal(_seconds(operand.value, operand.at, other.text, text), operand.at)
    return operand


def _check_status(operand: Literal, how: str, text: str) -> None:
    values = operand.value
    if not isinstance(values, list):
        if how not in ("==", "!="):
            return
        values = [values]
    for status in values:
        if isinstance(status, str) and status not in list(Status):
            raise syntax.wrong(text, operand.at, f"a status is {', '.join(Status)}; not '{status}'")


def _moment(operand: Literal, how: str, name: str, text: str) -> Literal:
    moment = None
    if isinstance(operand.value, str) and _NEGATED.get(how, how) in _ORDERS:
        moment = parse_moment(operand.value)
    if moment is None:
        expected = "'2 days ago', 'today', '2026-11-01' or '2026-11-01 14:30'"
        raise syntax.wrong(text, operand.at, f"{name} is compared, by < > == and so on, with {expected}")
    return Literal(moment, operand.at)


def _seconds(value: Any, at: int, name: str, text: str) -> Any:
    """The value with each duration in seconds, also in a list; raises UsageError for another text."""
    if isinstance(value, list):
        return [_seconds(item, at, name, text) for item in value]
    if not isinstance(value, str):
        return value
    seconds = parse_duration(value)
    if seconds is None:
        raise syntax.wrong(text, at, f"{name} is compared with seconds, '5 min' or '1 h 30 min'")
    return seconds


# -- the condition for one experiment -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _RowScope:
    """One row, the present time, and the reader of each name in the filter."""

    row: Row
    now: datetime
    readers: Mapping[str, Reader]

    def value(self, operand: Operand) -> Any:
        if isinstance(operand, Literal):
            return operand.value
        return self.readers[operand.text](self.row)


def _with_end(group: Row, member: Row) -> Row:
    """A group that has ended as one of its runs has."""
    one, own = group.experiment, member.record
    assert isinstance(one, Experiment)  # damaged ones are in no group
    assert own is not None
    record = replace(one.record, exit_code=own.exit_code, reason=own.reason)
    return group._replace(status=member.status, experiment=one._replace(record=record))


def _nothing(_: Row) -> Any:
    return MISSING


def _reader(name: str, rows: Iterable[Row]) -> Reader:
    """The reader of a name's value, the same for all rows; `_nothing` if no row has the name.

    Attributes come before metrics, and metrics before params; a prefix `metrics.` or `params.` decides.
    """
    if name in _ATTRIBUTES:
        return _ATTRIBUTES[name].read
    places = [(field, name) for field in _VALUES]
    prefix, dot, rest = name.partition(".")
    if dot and prefix in _VALUES:
        places.insert(0, (prefix, rest))
    for field, key in places:
        if any(key in getattr(row, field) for row in rows):
            return _of_field(field, key)
    file, colon, key = name.partition(":")
    in_file = _of_file(file, key)
    if colon and any(in_file(row) is not MISSING for row in rows):
        return in_file
    of_file = meant(name, metric_keys(rows))
    if of_file != name:
        return _of_field("metrics", of_file)
    return _nothing


def _of_field(field: str, key: str) -> Reader:
    return lambda row: getattr(row, field).get(key, MISSING)


def _of_file(file: str, key: str) -> Reader:
    """The reader of `file:key`, even if no other file has the key."""

    return lambda row: replicates.in_file(row, file, key)


def _holds(condition: Condition, scope: _RowScope) -> bool:
    match condition:
        case Truth(operand):
            return bool(scope.value(operand))
        case Comparison(left, how, right):
            return _compared(scope.value(left), how, scope.value(right), scope.now)
        case Not(part):
            return not _holds(part, scope)
        case And(parts):
            return all(_holds(part, scope) for part in parts)
        case Or(parts):
            return any(_holds(part, scope) for part in parts)


def _compared(left: Any, how: str, right: Any, now: datetime) -> bool:
    if left is MISSING or right is MISSING:
        return False
    if how in _NEGATED:
        return not _compared(left, _NEGATED[how], right, now)
    if isinstance(left, Moment):
        return _ordered(right, _FLIPPED.get(how, how), left, now)
    if isinstance(right, Moment):
        return _ordered(left, how, right, now)
    match how:
        case "==":
            return _equal(left, right)
        case "in":
            return _within(left, right)
        case "~":
            return _finds(right, left)
    left, right = _as_numbers(left, right)
    comparable = (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str))
    return comparable and _ORDERS[how](left, right)


def _ordered(value: Any, how: str, moment: Moment, now: datetime) -> bool:
    if not isinstance(value, str):
        return False
    order = moment.order(value, now)
    return order is not None and _ORDERS[how](order, 0)


def _finds(pattern: re.Pattern[str], value: Any) -> bool:
    texts = as_list(value)
    return any(pattern.search(text) is not None for text in texts if isinstance(text, str))


def _as_numbers(left: Any, right: Any) -> tuple[Any, Any]:
    """Both sides; a text beside a number, like the value of `--lr 0.10`, becomes the number it spells."""
    if is_number(left) and isinstance(right, str):
        return left, measured(right)
    if is_number(right) and isinstance(left, str):
        return measured(left), right
    return left, right


def _equal(left: Any, right: Any) -> bool:
    left, right = _as_numbers(left, right)
    if is_number(left) and is_number(right):
        return bool(left == right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return type(left) is type(right) and bool(left == right)


def _within(left: Any, right: Any) -> bool:
    """Whether a list has a value, a text contains a text, or params or metrics have a key."""
    if isinstance(right, list):
        return any(_equal(left, item) for item in right)
    return isinstance(left, str) and isinstance(right, str | Mapping) and left in right
