"""The one reader of numbers in text. The place of a text says how much may count as a number.

- A measurement (the cell of a table, a printed metric) is a number in whatever way it is spelled: `0.50`.
- A word that somebody typed (an option of a command, `-S`) is a number only if the number says all that
  the text says. `1.10`, `007`, `1_000` and `7e123457` stay text: they may be a version or the id of a commit.
- A scalar in a YAML file is what PyYAML's safe loader gives the training script.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from gitexp.model import Scalar

_WHOLE = re.compile(r"[-+]?[0-9]+")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
# Also as C prints them on Windows: `-nan(ind)`, `1.#INF`, `-1.#IND00`.
_NOT_FINITE = re.compile(
    r"(?P<sign>[-+]?)(?:(?P<nan>\.?nan(?:\(\w*\))?|1\.#(?:ind|[qs]nan)[0-9]*)|\.?inf(?:inity)?|1\.#inf[0-9]*)",
    re.IGNORECASE | re.ASCII,
)


def measured(text: str) -> Scalar:
    """The number in a measurement, or its text without the blanks around it."""
    text = text.strip()
    if (found := not_finite(text)) is not None:
        return found
    if _WHOLE.fullmatch(text):
        return _whole(text)
    if _DECIMAL.fullmatch(text):
        return _decimal(text)
    return text


def not_finite(text: str) -> float | None:
    """The NaN or infinity that a text spells, in whatever way; None for any other text."""
    match = _NOT_FINITE.fullmatch(text)
    if match is None:
        return None
    if match["nan"]:
        return math.nan
    return -math.inf if match["sign"] == "-" else math.inf


def _whole(text: str) -> Scalar:
    try:
        return int(text)
    except ValueError:  # more than 4,300 digits
        return text


def _decimal(text: str) -> Scalar:
    """The float in a text; the text where no float comes near: 7e123457, 1e-999."""
    number = float(text)
    if not math.isfinite(number):
        return text
    mantissa = re.split("[eE]", text)[0]
    if number == 0 and mantissa.strip("+-.0"):
        return text
    return number


# -- decimal commas ---------------------------------------------------------------------------------

_WITH_COMMA = re.compile(r"[-+]?[0-9]*,[0-9]+(?:[eE][-+]?[0-9]+)?")
_WITH_POINT = re.compile(r"[-+]?[0-9]*\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_EITHER_WAY = re.compile(r"[-+]?[1-9][0-9]{0,2}(?:[.,][0-9]{3})")  # 1,234: a thousand, or one and a bit
_IN_THOUSANDS = re.compile(
    r"[-+]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+(?P<point>\.[0-9]+)?|(?:\.[0-9]{3})+(?P<comma>,[0-9]+)?)"
)


def decimal_mark(cells: Iterable[str]) -> str | None:
    """The decimal mark in these cells of a table, `.` or `,`; None if they do not say which."""
    points = commas = unsure = False
    for cell in cells:
        text = cell.strip()
        if _EITHER_WAY.fullmatch(text):
            unsure |= "," in text
        elif _WITH_COMMA.fullmatch(text):
            commas = True
        elif _WITH_POINT.fullmatch(text):
            points = True
    if commas != points:
        return "," if commas else "."
    return None if commas or unsure else "."


def measured_cell(text: str, mark: str | None) -> Scalar:
    """The same as `measured`, for a cell of a table with this decimal mark.

    Raises ValueError for a cell that may be either of two numbers, such as 1,234.
    """
    text = text.strip()
    if _EITHER_WAY.fullmatch(text) and ("," in text or mark == ","):
        if mark is None or (mark == "," and "." in text):
            raise ValueError(text)
        return measured(text.replace(",", "." if mark == "," else ""))
    if _WITH_COMMA.fullmatch(text):
        return measured(text.replace(",", "."))
    grouped = _IN_THOUSANDS.fullmatch(text)
    if grouped is None or "," not in text:
        return measured(text)
    if grouped["comma"]:
        return measured(text.replace(".", "").replace(",", "."))
    return measured(text.replace(",", ""))


def is_number_text(text: str) -> bool:
    """Whether a cell spells a number, with whichever decimal mark."""
    return not isinstance(measured(text.replace(",", ".")), str)
