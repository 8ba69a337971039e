"""Columns of experiments with one kind of value each, for data frames and files of other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from gitexp.catalog.fields import Row
from gitexp.model import MISSING, Differing, Mean
from gitexp.named_tuple import NamedTuple
from gitexp.times import seconds_of
from gitexp.views.columns import FIELDS, Column

# The kinds of columns.
WHOLE = "whole"  # integers
NUMBER = "number"  # floats
TRUTH = "truth"  # booleans
TEXT = "text"
MOMENT = "moment"  # seconds since 1970, shown as a time in UTC
TEXTS = "texts"  # lists of texts, such as tags
ANY = "any"  # values of several types, or lists

_OF_FIELDS = {"time": MOMENT, "seconds": NUMBER, "texts": TEXTS, "files": TEXTS}


class TypedColumn(NamedTuple):
    """A column with values of one kind.

    Attributes:
        kind: one of the kinds above.
        values: a value for each row; None for no value.
    """

    title: str
    kind: str
    values: Sequence[Any]


def typed(title: str, column: Column, found: Iterable[Row]) -> TypedColumn:
    """A column of some rows with its kind. A column with an unreadable time has texts."""
    field = None
    if column.kind == "about":
        field = FIELDS.get(column.key)
    read: Callable[[Row], Any] = column.value
    if field is not None:
        read = field.read
    values = [_plain(value) for value in map(read, found)]
    if field is None or field.kind not in _OF_FIELDS:
        return TypedColumn(title, kind_of(values), values)
    kind = _OF_FIELDS[field.kind]
    if kind == MOMENT:
        if not all(map(_is_time, values)):
            return TypedColumn(title, TEXT, values)
        values = [_seconds(value) for value in values]
    return TypedColumn(title, kind, values)


def kind_of(values: Sequence[Any]) -> str:
    """The kind of a column with some values; None counts for every kind."""
    types = set(map(type, values)) - {type(None)}
    if types == {bool}:
        return TRUTH
    if types == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return WHOLE
    if types and types <= {int, float}:
        return NUMBER
    if types <= {str}:
        return TEXT
    return ANY


def _plain(value: Any) -> Any:
    """The value of a cell: a number for a mean, a list for different values, None for no value."""
    if value is MISSING:
        return None
    if isinstance(value, Mean):
        return float(value)
    if isinstance(value, Differing):
        return list(value)
    return value


def _seconds(text: Any) -> float | None:
    if not text:
        return None
    return seconds_of(text)


def _is_time(text: Any) -> bool:
    if not text:
        return True
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
