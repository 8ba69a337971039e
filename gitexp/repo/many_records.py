"""Many records decoded together: each field of all of them at once, which takes a third of the time.

The result of each is that of `records.decode`. Whatever is out of the ordinary is left to that function: a
record with keys of a later version, a damaged one, one with much nesting.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, TypeAlias

from gitexp import errors
from gitexp.model import FORMAT, Record
from gitexp.repo import records
from gitexp.repo.record_fields import FIELD_READERS, FieldReader
from gitexp.repo.records import UNPARSED

_FEWEST = 8  # records that are quicker together than one by one

_Outcome: TypeAlias = Record | errors.BadRecord
# The reader of a field, and the place of its key in the JSON; -1 without the key.
_Place: TypeAlias = tuple[FieldReader, int]


def decode_together(bodies: Sequence[bytes], names: Sequence[str]) -> list[_Outcome]:
    """The record of each body, or the error for an invalid body."""
    parsed = records.parse_together(bodies)
    found: list[_Outcome | None] = [None] * len(bodies)
    for keys, places in _by_keys(bodies, parsed).items():
        if len(places) < _FEWEST or _layout(keys) is None:
            continue
        decoded = _decoded(keys, [parsed[at] for at in places])
        for at, record in zip(places, decoded, strict=False):
            records.complete(record, bodies[at], names[at])
            found[at] = record
    outcomes = []
    for body, name, data, one in zip(bodies, names, parsed, found, strict=True):
        if one is None:
            one = _alone(body, name, data)
        outcomes.append(one)
    return outcomes


def _alone(body: bytes, name: str, data: Any) -> _Outcome:
    try:
        return records.decode(body, name, data)
    except errors.BadRecord as error:
        return error


def _by_keys(bodies: Sequence[bytes], parsed: Sequence[Any]) -> dict[tuple[str, ...], list[int]]:
    """The places of the JSON objects by their keys in order, without deeply nested objects."""
    found: dict[tuple[str, ...], list[int]] = {}
    for at, data in enumerate(parsed):
        if data is not UNPARSED and isinstance(data, dict) and not records.may_be_deep(bodies[at]):
            found.setdefault(tuple(data), []).append(at)
    return found


@lru_cache(maxsize=256)
def _layout(keys: tuple[str, ...]) -> tuple[int, list[_Place]] | None:
    """The places of the format and of the fields in records with some keys; None for unusual keys."""
    places = {key: at for at, key in enumerate(keys)}
    if "format" not in places or not records.KNOWN.issuperset(keys):
        return None
    return places["format"], [(reader, places.get(reader.key, -1)) for reader in FIELD_READERS]


def _decoded(keys: tuple[str, ...], objects: Sequence[dict[str, Any]]) -> list[Record]:
    """The records of some objects with the same keys; [] if one of them is invalid."""
    layout = _layout(keys)
    assert layout is not None
    format_at, places = layout
    columns = list(zip(*[data.values() for data in objects], strict=True))
    formats = columns[format_at]
    if set(map(type, formats)) != {int} or set(formats) != {FORMAT}:
        return []
    try:
        return _made(len(objects), [(reader, columns[at] if at >= 0 else None) for reader, at in places])
    except (TypeError, ValueError, LookupError):
        return []


def of_columns(
    columns: Mapping[str, Any], names: Sequence[str], extras: Sequence[Any] | None = None
) -> list[Record]:
    """The records of some experiments from their fields, each a list of values as in JSON.

    A field may also be `{"all": text}`, the same text for all, or missing. `extras` has the keys of a later
    version of each. Raises TypeError, ValueError or LookupError for what no records have.
    """
    found: list[tuple[FieldReader, Sequence[Any] | None]] = []
    for reader in FIELD_READERS:
        column = columns.get(reader.key)
        if isinstance(column, dict):
            column = [column["all"]] * len(names)
        if column is not None and len(column) != len(names):
            raise ValueError
        found.append((reader, column))
    made = _made(len(names), found)
    records.complete_together(made, names, extras)
    return made


def _made(count: int, columns: Iterable[tuple[FieldReader, Sequence[Any] | None]]) -> list[Record]:
    """The records with these values of JSON in their fields; None for the default in all of them."""
    made = [object.__new__(Record) for _ in range(count)]
    for reader, column in columns:
        values: Iterable[Any] = repeat(reader.default)
        if column is not None:
            values = _values(reader, column)
        deque(map(reader.put, made, values), maxlen=0)  # a loop without a line of Python for each record
    for record in made:
        if not (record.status and record.commit and record.baseline):
            raise ValueError
    return made


def _values(reader: FieldReader, column: Sequence[Any]) -> Iterable[Any]:
    """The values of a field in the records, from the values in JSON."""
    kinds = set(map(type, column))
    if (kinds == {type(None)} or kinds == {reader.empty}) and not any(column):
        return repeat(reader.default)
    if len(kinds) == 1:
        found = reader.read_together(column)
        if found is None and kinds == {str} and all(column):
            found = list(map(reader.read, column))
        if found is not None:
            return found
    values = []
    for value in column:
        if value is None or (not value and value.__class__ is reader.empty):
            values.append(reader.default)
        else:
            values.append(reader.read(value))
    return values
