"""Text as people read it: lists, amounts, values, and names that may have been meant. For every room."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any

from gitexp.model import MISSING, Artifact, Differing, Mean
from gitexp.regex import regex

PRECISION = 5  # significant digits of a metric
LONGEST = 60  # characters of one value in a table on a terminal

_SIZE = regex(r"(\d{1,12}(?:\.\d{1,9})?)\s*([kKMGT]?)i?[bB]?")
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_JOINER = "\u200d"
_WHITE = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


# -- lists and amounts -----------------------------------------------------------------------------


def shorten(texts: Sequence[str], most: int = 5) -> str:
    """The first texts and the number of the others: `a, b and 3 more`. A long path loses its middle."""
    shown = ", ".join(map(squeezed, texts[:most]))
    more = len(texts) - most
    return f"{shown} and {more:,} more" if more > 0 else shown


def cut(text: str, most: int) -> str:
    """The text in at most so many characters; `…` stands for the rest."""
    return text if len(text) <= most else text[: most - 1] + "…"


def squeezed(text: str, most: int = 200) -> str:
    """The text in at most so many characters, with both of its ends; `…` stands for the middle."""
    half = most // 2
    return text if len(text) <= most else f"{text[: half - 1]}…{text[-half:]}"


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 file`, `4,000 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def human_size(size: float) -> str:
    """A size in bytes for people: `512 B`, `1.5 kB`, `10 MB` (10 * 1024 * 1024 bytes)."""
    if size < 1024:
        return f"{size:.0f} B"
    size, unit = size / 1024, "kB"
    for larger in ("MB", "GB"):
        if size >= 1024:
            size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if size >= 10 else f"{size:.1f} {unit}"


def parse_size(text: str) -> int | None:
    """The bytes of a text like `512`, `1.5 kB` or `10 MB`. Else None."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    return int(float(match[1]) * _UNITS[match[2].lower()])


def objects(count: int, size: int) -> str:
    """A number of objects with their size in bytes: `15 objects (11 kB)`."""
    return f"{counted(count, 'object')} ({human_size(size)})"


def content(artifact: Artifact) -> str:
    """The size of a piece of data, and the number of a folder's files: `2 MB in 400 files`."""
    size = human_size(artifact.size)
    if artifact.files is None:
        return size
    return f"{size} in {counted(artifact.files, 'file')}"


# -- hints ----------------------------------------------------------------------------------------------


def nearest(typed: str, known: Collection[str], most: int = 3) -> list[str]:
    """The known words most like a typed one, the best first; at most `most`.

    Keys with the typed word at their end come first: `lr` for `train.lr` happens most, and likeness does not
    find so short a word. A single guess has to be more alike than one of several.
    """
    endings = (f".{typed}", f":{typed}")
    near = [word for word in known if word.endswith(endings)]
    near += get_close_matches(typed, known, most, cutoff=0.7 if most == 1 else 0.6)
    return list(dict.fromkeys(near))[:most]


def did_you_mean(typed: str, known: Collection[str], otherwise: str = "", *, most: int = 3) -> str:
    """The hint with the known words nearest to a typed word, or `otherwise` if none is near."""
    near = nearest(typed, known, most)
    return f"Did you mean {' or '.join(near)}?" if near else otherwise


# -- text that is safe to show ---------------------------------------------------------------------


def clean(text: str) -> str:
    """The text with every control and invisible format character written out: `\\x1b`, `\\u202e`.

    Characters to reorder or hide text (bidi controls, zero-width and tag characters) deceive like escape
    sequences: Unicode Technical Report 36. The joiner of composed emoji does no harm.
    """
    if text.isprintable():
        return text
    shown = []
    for at, char in enumerate(text):
        safe = char.isprintable() or unicodedata.category(char) == "Zs" or _joins(text, at)
        shown.append(char if safe else _written_out(char))
    return "".join(shown)


def _joins(text: str, at: int) -> bool:
    """Whether a joiner stands between two parts of an emoji."""
    around = text[at - 1 : at] + text[at + 1 : at + 2]
    return text[at] == _JOINER and all(unicodedata.category(char) in ("So", "Sk", "Mn") for char in around)


def _written_out(char: str) -> str:
    if char in _WHITE:
        return _WHITE[char]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\U{code:08x}"


def show_value(value: Any, precision: int | None = None, *, longest: int | None = LONGEST) -> str:
    """A value for a table; a float has `precision` significant digits, or all of them."""
    if value is MISSING:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = format(value, f".{precision}g") if precision else repr(value)
        return text + value.spread if isinstance(value, Mean) else text
    if value is None:
        return "null"
    if isinstance(value, Differing) and value.text:
        return value.text
    if isinstance(value, (str, int)):
        text = clean(str(value))
    else:
        text = clean(json.dumps(value, ensure_ascii=False, default=str))
    return text if longest is None else cut(text, longest)
