"""Flat params, as gitexp shows them, as maps in maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitexp import errors
from gitexp.files.keys import parse_key


def as_tree(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The params by the parts of their keys; under its whole key a param whose place is taken."""
    found: dict[str, Any] = {}
    for key, value in flat.items():
        try:
            names = [str(name) for name in parse_key(key)]
        except errors.OverrideError:  # of one file of several: `other.yaml:lr`
            names = [key]
        if not _put(found, names, value):
            found[key] = value
    return found


def _put(tree: dict[str, Any], names: list[str], value: Any) -> bool:
    """Put a value at its place in maps; whether the place was free."""
    for name in names[:-1]:
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            return False
    if names[-1] in tree:
        return False
    tree[names[-1]] = value
    return True
