"""Whether a new value fits where it is to stand: it leads through no value, and takes no keys away."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from gitexp.errors import OverrideError
from gitexp.files.keys import Key, child, flatten, format_key
from gitexp.model import MISSING, Tree, Value
from gitexp.words import counted, shorten

_EXAMPLE = "Write -S train.lr=0.1, -S +new.key=1, -S ~old.key or -S params.yaml:train.lr=0.1"


def check_addable(tree: Tree, key: Key, name: str) -> None:
    """Raises OverrideError where `key` would lead through a value, or leave a gap in a list."""
    at: Value = tree
    for depth, part in enumerate(key):
        if isinstance(at, list):
            kind, fits = f"a list of {len(at)}", isinstance(part, int) and part <= len(at)
        elif isinstance(at, dict) or at is None or at is MISSING:
            kind, fits = "a map", isinstance(part, str)
        else:
            kind, fits = "a single value", False
        if not fits:
            where = f"`{format_key(key[:depth])}`" if depth else "the top"
            raise OverrideError(f"`{format_key(key)}` cannot be set: {where} is {kind} in {name}.", _EXAMPLE)
        at = child(at, part)


def check_replaceable(key: Key, old: Value, value: Value) -> None:
    """Raises OverrideError for a value that takes away keys: a scalar for a section, or a smaller map."""
    if isinstance(old, dict) and old and not isinstance(value, dict):
        section = format_key(key)
        first = f"{section}.{next(iter(flatten(old)))}"
        raise OverrideError(
            f"`{section}` is a section with {counted(len(old), 'key')}, not a single value.",
            f"Name one of its keys, such as {first}, or remove it first: ~{section}",
        )
    lost = list(lost_keys(key, old, value))
    if lost:
        shown = shorten([f"`{each}`" for each in lost])
        raise OverrideError(
            f"The new value of `{format_key(key)}` is without {shown}.",
            f"{_set_one(key, old, value)} -S '~{lost[0]}' removes a key.",
        )


def fitted(old: Value, value: Value, in_place: Value) -> Value:
    """The new value, with a number or truth value in place of another: a new 0.10 stays text.

    `in_place`: the new value in this other reading.
    """
    if isinstance(value, dict):
        return {part: fitted(child(old, part), item, child(in_place, part)) for part, item in value.items()}
    if isinstance(value, list):
        olds = old if isinstance(old, list) and old else [MISSING]
        kinds = [*olds, *[olds[-1]] * len(value)]
        return [fitted(kinds[at], item, child(in_place, at)) for at, item in enumerate(value)]
    is_same_kind = isinstance(old, bool) == isinstance(in_place, bool)
    if isinstance(value, str) and is_same_kind and isinstance(old, int | float):
        return in_place if isinstance(in_place, int | float) else value
    return value


def lost_keys(key: Key, old: Value, value: Value) -> Iterator[str]:
    """The keys of the old maps, in lists too, that the new ones do not have."""
    if isinstance(old, dict) and isinstance(value, dict):
        for part in old:
            if part in value:
                yield from lost_keys((*key, part), old[part], value[part])
            else:
                yield format_key((*key, part))
    elif isinstance(old, list) and isinstance(value, list):
        for at, (item, new) in enumerate(zip(old, value, strict=False)):
            yield from lost_keys((*key, at), item, new)


def _set_one(key: Key, old: Value, value: Value) -> str:
    """A sentence with the option that sets a single key of a map; "" for an empty map."""
    while isinstance(value, dict | list) and value:
        part = next(iter(value)) if isinstance(value, dict) else 0
        key, old, value = (*key, part), child(old, part), child(value, part)
    if isinstance(value, dict | list):
        return ""
    return f"To change single keys: {shell_option(key, value, adds=old is MISSING)}."


def shell_option(key: Key, value: Value, *, adds: bool = False) -> str:
    """The option `-S` that sets a key, for a shell."""
    text = value
    if not isinstance(value, str) or value.strip() != value:
        text = json.dumps(value, ensure_ascii=False)
    return "-S " + shlex.quote(f"{'+' if adds else ''}{format_key(key)}={text}")
