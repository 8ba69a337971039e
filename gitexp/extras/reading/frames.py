"""Data frames of typed columns, by pandas or polars."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from gitexp import errors, plugins
from gitexp.views.typed_columns import TypedColumn

KINDS = ("pandas", "polars")


def frame(columns: Sequence[TypedColumn], kind: str = "") -> Any:
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
