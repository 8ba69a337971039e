"""The values of each `-S`, and the grid of them; no input or output."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from gitexp.errors import OverrideError
from gitexp.files.command_words.choices import CALLS, parts_of
from gitexp.files.command_words.overrides import split_override
from gitexp.regex import regex

MOST = 10_000  # values of one param, and runs of one grid

_CALL = regex(r"(choice|range)\((.*)\)", re.DOTALL)


def values(text: str) -> list[str]:
    """The values in an override, each in an override of its own; the text alone for a single value.

    Raises OverrideError.
    """
    left, typed = split_override(text)
    if not typed.startswith("="):
        return [text]
    found = _values(typed[1:].strip(), text)
    if found is None:
        return [text]
    return [f"{left}={value}" for value in found]


def grid(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Each combination of the values of some overrides; the last override changes first.

    Raises OverrideError, also for more than `MOST` combinations.
    """
    axes = [values(text) for text in texts]
    count = math.prod(map(len, axes))
    if count > MOST:
        raise OverrideError(
            f"The grid has {count:,} points, and {MOST:,} are the most.", "Leave some values out."
        )
    return list(itertools.product(*axes))


def _values(text: str, override: str) -> list[str] | None:
    """The values in the text behind `=`; None for one value."""
    parts = parts_of(text)
    if any(map(CALLS.match, parts)):
        call = _CALL.fullmatch(text)
        if len(parts) > 1 or call is None:
            raise OverrideError(
                f"`{override}` has something beside choice(…) or range(…).",
                "Write all values into one: -S 'lr=choice(0.1,0.01)'; text of that kind goes in quotes.",
            )
        parts = parts_of(call[2])
        if call[1] == "range":
            return _range(parts, override)
    elif len(parts) == 1:
        return None
    if "" in parts:
        raise OverrideError(
            f"`{override}` has an empty value between its commas.",
            "Text with commas goes in quotes: -S 'key=\"a,b\"'; empty text too: -S 'key=\"\",a'",
        )
    return list(dict.fromkeys(parts))


def _range(parts: Sequence[str], override: str) -> list[str]:
    """The numbers of `range(stop)`, `range(start,stop)` or `range(start,stop,step)`, without `stop`."""
    try:
        numbers = [Decimal(part) for part in parts]
        start, stop, step = _BOUNDS[len(numbers)](*numbers)
        share = (stop - start) / step
        is_sound = 0 < share <= MOST
    except (KeyError, ValueError, ArithmeticError) as error:
        raise OverrideError(
            f"`{override}` is no range: it takes one to three numbers, and a step other than 0.",
            "Write range(5), range(1,5) or range(0,1,0.1); the last number is not in the range.",
        ) from error
    if not is_sound:
        raise OverrideError(
            f"`{override}` has no value, or more than {MOST:,}.",
            "The last number is not in the range: range(1,4) is 1, 2, 3.",
        )
    return [f"{start + step * at:f}" for at in range(math.ceil(share))]


# How many numbers a range has -> start, stop and step.
_BOUNDS: dict[int, Callable[..., tuple[Decimal, Decimal, Decimal]]] = {
    1: lambda stop: (Decimal(0), stop, Decimal(1)),
    2: lambda start, stop: (start, stop, Decimal(1)),
    3: lambda start, stop, step: (start, stop, step),
}
