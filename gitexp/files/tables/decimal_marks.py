"""Numbers in the cells of tables, where a decimal mark may be a point or a comma."""

from __future__ import annotations

from collections.abc import Iterable

from gitexp.files.plain_values import measured
from gitexp.model import Scalar
from gitexp.regex import regex

_WITH_COMMA = regex(r"[-+]?[0-9]*,[0-9]+(?:[eE][-+]?[0-9]+)?")
_WITH_POINT = regex(r"[-+]?[0-9]*\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_EITHER_WAY = regex(r"[-+]?[1-9][0-9]{0,2}(?:[.,][0-9]{3})")  # 1,234: a thousand, or one and a bit
_IN_THOUSANDS = regex(
    r"[-+]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+(?P<point>\.[0-9]+)?|(?:\.[0-9]{3})+(?P<comma>,[0-9]+)?)"
)


def decimal_mark(cells: Iterable[str]) -> str | None:
    """The decimal mark in these cells of a table, `.` or `,`; None if both are possible."""
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
    """Like `measured`, for a cell of a table with this decimal mark.

    Raises ValueError for a cell with two readings, like 1,234.
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
