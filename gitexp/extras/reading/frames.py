"""Data frames of typed columns, by pandas or polars."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

from gitexp import errors, plugins

# The kinds of columns.
WHOLE = "whole"  # integers
NUMBER = "number"  # floats
TRUTH = "truth"  # booleans
TEXT = "text"
MOMENT = "moment"  # seconds since 1970, shown as a time in UTC
ANY = "any"  # values of several types, or lists

KINDS = ("pandas", "polars")


class FrameColumn(NamedTuple):
    """A column of a data frame.

    Attributes:
        kind: one of the kinds above.
        values: a value a row; None for no value.
    """

    title: str
    kind: str
    values: Sequence[Any]


def frame(columns: Sequence[FrameColumn], kind: str = "") -> Any:
    """A data frame of "pandas" or "polars"; by default of pandas if installed, else of polars.

    Raises UsageError if neither is installed, or not the one asked for.
    """
    if kind and kind not in KINDS:
        raise errors.UsageError(f"There are no data frames of '{kind}'.", "There are: pandas, polars.")
    installed = [each for each in KINDS if kind in ("", each) and find_spec(each) is not None]
    if not installed:
        raise errors.UsageError(
            f"For a data frame {kind or 'pandas or polars'} is needed, and it is not installed.",
            f"pip install {kind or 'pandas'}",
        )
    return plugins.load("frame", installed[0])(columns)


def kind_of(values: Sequence[Any]) -> str:
    """The kind of a column with some values; None counts for every kind."""
    types = {type(value) for value in values if value is not None}
    if types == {bool}:
        return TRUTH
    if types == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return WHOLE
    if types and types <= {int, float}:
        return NUMBER
    if types <= {str}:
        return TEXT
    return ANY
