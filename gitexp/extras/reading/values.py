"""The params or metrics of an experiment, flat and by section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitexp import errors, files


class Values(Mapping[str, Any]):
    """Values by dotted key; a section is Values again, and the keys are attributes too.

    values["train.lr"] == values["train"]["lr"] == values.train.lr

    As a mapping it has the dotted keys alone: `dict(values)` is flat, and `to_dict()` is nested.
    """

    def __init__(self, flat: Mapping[str, Any]) -> None:
        self._flat = flat

    def __getitem__(self, key: str) -> Any:
        for spelled in (key, files.format_key((key,))):  # a name with a dot in it has quotes in the table
            if spelled in self._flat:
                return self._flat[spelled]
        section: dict[str, Any] = {}
        for each, value in self._flat.items():
            if each.startswith(f"{key}."):
                section[each.removeprefix(f"{key}.")] = value
            elif each.startswith(f"{key}["):
                section[each.removeprefix(key)] = value
        if not section:
            raise KeyError(key)
        return Values(section)

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):  # asked for by copy, pickle and the like
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError:
            known = ", ".join(self._flat) or "none"
            raise AttributeError(f"there is no {key!r}; those here: {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._flat)

    def __len__(self) -> int:
        return len(self._flat)

    def __repr__(self) -> str:
        return f"Values({dict(self._flat)!r})"

    def __reduce__(self) -> tuple[type[Values], tuple[Mapping[str, Any]]]:
        return Values, (dict(self._flat),)

    def to_dict(self) -> dict[str, Any]:
        """The values as nested dicts and lists. A key `file:key` of two files stays one key."""
        nested: dict[str, Any] = {}
        for key, value in self._flat.items():
            _put(nested, _parts(key), value)
        found: dict[str, Any] = _with_lists(nested)
        return found


def _parts(key: str) -> tuple[str | int, ...]:
    try:
        return files.parse_key(key)
    except errors.OverrideError:
        return (key,)


def _put(nested: dict[Any, Any], parts: tuple[str | int, ...], value: Any) -> None:
    *above, last = parts
    for part in above:
        nested = nested.setdefault(part, {})
    nested[last] = value


def _with_lists(nested: Any) -> Any:
    """The same, with a list for each dict of indexes."""
    if not isinstance(nested, dict):
        return nested
    found = {key: _with_lists(value) for key, value in nested.items()}
    if found and all(isinstance(key, int) for key in found):
        return [found[key] for key in sorted(found)]
    return found
