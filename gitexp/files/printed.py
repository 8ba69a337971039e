"""Metrics in the output of a command: names and patterns checked before, values as a tree after."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping

from gitexp.errors import GitexpError, UsageError
from gitexp.files.keys import Key, get, parse_key, put
from gitexp.files.plain_values import measured
from gitexp.files.scalars import is_text
from gitexp.model import MISSING, Value

EXAMPLE = r"For example: val_bpb=^val_bpb:\s+(\S+)"

_LONGEST = 1000  # characters of a pattern
_MOST = 100  # patterns


def parse_printed(text: str) -> tuple[str, str]:
    """The name and the pattern of `NAME=PATTERN`. Raises UsageError for any other text."""
    name, equals, pattern = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(
            f"`{text}` does not say which metric is found by which pattern.", EXAMPLE, code="invalid-metric"
        )
    return name.strip(), pattern


def check_printed(patterns: Mapping[str, str]) -> None:
    """Raises UsageError for a name that is no key, or in the way of another, and for a bad pattern."""
    tree: Value = {}
    if len(patterns) > _MOST:
        raise UsageError(
            f"More than {_MOST} metrics are to be found in the output.",
            "Write a metrics file.",
            code="invalid-metric",
        )
    for name, pattern in patterns.items():
        key = _free_key(tree, name)
        if key is None:
            raise UsageError(f"`{name}` cannot be the name of a metric here.", EXAMPLE, code="invalid-metric")
        tree = put(tree, key, "")
        if (why := _not_a_pattern(pattern)) is not None:
            raise UsageError(
                f"The pattern of {name} is no regular expression: {why}.", EXAMPLE, code="invalid-metric"
            )


def _free_key(tree: Value, name: str) -> Key | None:
    """The key of a name, if it is free in the tree and leads through maps alone."""
    try:
        key = parse_key(name)
    except GitexpError:
        return None
    if not all(map(is_text, key)) or get(tree, key) is not MISSING:
        return None
    for depth in range(1, len(key)):
        above = get(tree, key[:depth])
        if above is not MISSING and not isinstance(above, dict):
            return None
    return key


def _not_a_pattern(pattern: str) -> str | None:
    if not pattern:
        return "it is empty"
    if len(pattern) > _LONGEST:
        return f"it has more than {_LONGEST:,} characters"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern, re.MULTILINE)
    except re.error as error:
        return str(error)
    except (OverflowError, RecursionError):
        return "it is too complex"
    return None


def printed_tree(values: Mapping[str, str | None]) -> dict[str, Value]:
    """The values in the form of a metrics file: numbers, and a path for each name with dots.

    None stands for a value that was not found.
    """
    tree: dict[str, Value] = {}
    for name, text in values.items():
        if text is not None:
            tree.update(put(tree, parse_key(name), measured(text)))
    return tree
