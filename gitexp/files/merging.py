"""Trees laid over each other."""

from __future__ import annotations

from collections.abc import Iterable

from gitexp.model import Tree, Value


def united(old: Tree, new: Tree) -> dict[str, Value]:
    """The values of both trees; of a value that both have, the new one."""
    both = dict(old)
    waiting: list[tuple[dict[str, Value], Tree]] = [(both, new)]
    while waiting:  # not by recursion: a line of JSON may be deeper than Python calls itself
        into, values = waiting.pop()
        for key, value in values.items():
            before = into.get(key)
            if isinstance(before, dict) and isinstance(value, dict):
                into[key] = dict(before)
                waiting.append((into[key], value))
            else:
                into[key] = value
    return both


def merged(entries: Iterable[Value]) -> Value:
    """The last value of each key in a list of maps; the last entry of any other list, None if empty."""
    values: Value = None
    for entry in entries:
        if isinstance(values, dict) and isinstance(entry, dict):
            values = united(values, entry)
        else:
            values = entry
    return values
