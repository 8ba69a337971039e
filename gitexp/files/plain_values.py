"""The one reader of plain text as values. The place of a text says how much may count as a number.

- A measurement (the cell of a table, a printed metric) is a number in whatever way it is spelled: `0.50`.
- A word that somebody typed (an option of a command, `-S`) is a number only if the number says all that
  the text says. `1.10`, `007`, `1_000` and `7e123457` stay text: they may be a version or the id of a commit.
- A scalar in a YAML file is what PyYAML's safe loader gives the training script.
"""

from __future__ import annotations

import math
import re

from gitexp.model import Scalar
from gitexp.regex import regex

# -- measurements -----------------------------------------------------------------------------------

_WHOLE = regex(r"[-+]?[0-9]+")
_DECIMAL = regex(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
# Also as C prints them on Windows: `-nan(ind)`, `1.#INF`, `-1.#IND00`.
_NOT_FINITE = regex(
    r"(?P<sign>[-+]?)(?:(?P<nan>\.?nan(?:\(\w*\))?|1\.#(?:ind|[qs]nan)[0-9]*)|\.?inf(?:inity)?|1\.#inf[0-9]*)",
    re.IGNORECASE | re.ASCII,
)


_COMMIT = regex(r"[0-9]+[eE][0-9]+")
_SHORTEST_COMMIT = 7  # characters of a commit's id, as Git shortens it


def _may_be_commit(text: str) -> bool:
    """Whether a text like 1234e56 may be the id of a commit; no program prints a number so."""
    return len(text) >= _SHORTEST_COMMIT and _COMMIT.fullmatch(text) is not None


def measured(text: str) -> Scalar:
    """The number in a measurement, or its text without the blanks around it."""
    text = text.strip()
    if (found := not_finite(text)) is not None:
        return found
    if _WHOLE.fullmatch(text):
        return _whole(text)
    if _DECIMAL.fullmatch(text) and not _may_be_commit(text):
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


def spells_number(text: str) -> bool:
    """Whether a text is a finite number, however spelled."""
    return not_finite(text) is None and not isinstance(measured(text), str)


# -- words that somebody typed ----------------------------------------------------------------------

_STATED_WHOLE = regex(r"0|-?[1-9][0-9]*")
_STATED_DECIMAL = regex(
    r"(?=.*[.eE])-?(?:(?:0|[1-9][0-9]*)(?:\.(?:[0-9]*[1-9]|0)?)?|\.(?:[0-9]*[1-9]|0))(?:[eE][-+]?[0-9]{1,3})?"
)
_EXACT_DIGITS = 15  # as many as every float keeps
_LONGEST_WHOLE = 4000  # digits


def stated(text: str) -> Scalar:
    """The number in a typed word, if the number keeps everything in the word; else the text."""
    if _STATED_WHOLE.fullmatch(text) and len(text) <= _LONGEST_WHOLE:
        return int(text)
    if _may_be_commit(text) or not _STATED_DECIMAL.fullmatch(text):
        return text
    number = measured(text)
    mantissa = re.split("[eE]", text)[0]
    digits = len(mantissa.strip("-0.").replace(".", ""))
    if digits > _EXACT_DIGITS and repr(number) != text:
        return text
    return number


def typed_scalar(text: str) -> Scalar:
    """The value of a word after `-S`: true, false, null, a number as `stated`, `.inf` and `.nan`, or text."""
    if text in _TYPED:
        return _TYPED[text]
    if _YAML_NOT_FINITE.fullmatch(text):
        return yaml_scalar(text)
    return stated(text)


def in_place(text: str) -> Scalar:
    """The value of a word after `-S` in place of a number or truth value: 0.10 becomes a number.

    Words with another number in YAML than elsewhere, like 010, stay text.
    """
    try:
        value = yaml_scalar(text)
    except ValueError:
        return text
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and not_finite(text) is None and measured(text) != value:
        return text
    return value


# -- YAML -------------------------------------------------------------------------------------------

_NULLS = {"", "~", "null", "Null", "NULL"}
_BOOLS: dict[str, bool] = {}
for _words, _truth in (("true yes on", True), ("false no off", False)):
    for _word in _words.split():
        _BOOLS.update(dict.fromkeys((_word, _word.capitalize(), _word.upper()), _truth))
_YAML_INT = regex(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)")
_YAML_FLOAT = regex(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[0-9][0-9_]*[eE][-+]?[0-9]+)"
)
_YAML_NOT_FINITE = regex(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TYPED: dict[str, Scalar] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL"), None),
}
_BASES = {"0b": 2, "0x": 16}


def yaml_scalar(text: str) -> Scalar:
    """The value of an unquoted YAML scalar.

    PyYAML's safe loader gives the same (YAML 1.1: `yes` means true, `010` means 8), and so a training script
    sees the same. Three exceptions: `1e-3` means a number, like in YAML 1.2, and dates and base-60 numbers
    (`1:30`) stay text. Raises ValueError for an integer too long to convert.
    """
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if _YAML_INT.fullmatch(text):
        return _yaml_int(text)
    if _YAML_FLOAT.fullmatch(text):
        if "." not in text:  # text to PyYAML: 1e-3, but also 7e123456 and 1234e56, the ids of commits
            return stated(text)
        number = float(text.replace("_", ""))
        return number if math.isfinite(number) else text
    if _YAML_NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _yaml_int(text: str) -> Scalar:
    digits = text.replace("_", "").lstrip("+-")
    base = 10
    if digits[:2] in _BASES:
        base, digits = _BASES[digits[:2]], digits[2:]
    elif digits.startswith("0"):
        base = 8
    if not digits:
        return text
    number = int(digits, base)
    return -number if text.startswith("-") else number
