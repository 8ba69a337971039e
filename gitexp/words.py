"""Lists and amounts as people write them, in messages of every room."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from gitexp.model import MISSING, Artifact


def shorten(paths: Sequence[str], most: int = 5) -> str:
    """Return the first few paths and how many more there are."""
    more = len(paths) - most
    return ", ".join(paths[:most]) + (f" and {more:,} more" if more > 0 else "")


def nearest(typed: str, known: Collection[str], most: int = 3) -> list[str]:
    """The known words that may have been meant by a typed one, the best first; at most `most`.

    Keys that end in the typed word come first: `lr` for `train.lr` is the commonest mistake, and too
    short to be found by likeness. A single guess has to be more alike than one of several.
    """
    endings = (f".{typed}", f":{typed}")
    near = [word for word in known if word.endswith(endings)]
    near += get_close_matches(typed, known, most, cutoff=0.7 if most == 1 else 0.6)
    return list(dict.fromkeys(near))[:most]


def did_you_mean(typed: str, known: Collection[str], otherwise: str = "", *, most: int = 3) -> str:
    """The hint that names the known words nearest to a typed one, or `otherwise` if none is near."""
    near = nearest(typed, known, most)
    return f"Did you mean {' or '.join(near)}?" if near else otherwise


def human_size(size: float) -> str:
    """Return a size in bytes as people write it: 10 MB is 10 * 1024 * 1024 bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable")


PRECISION = 5  # significant digits of a metric


LONGEST = 60  # characters of one value in a table on a terminal


_JOINER = "\u200d"


def clean(text: str) -> str:
    """Return text with every control and invisible format character written out as `\\x1b`, `\\u202e`.

    Characters that reorder text or hide (bidi controls, zero-width and tag characters) are as able to
    deceive as escape sequences: Unicode Technical Report 36. The joiner of composed emoji is harmless.
    """
    if text.isprintable():
        return text
    return "".join(
        char if _is_safe(char) or _joins(text, at) else _written_out(char) for at, char in enumerate(text)
    )


def _is_safe(char: str) -> bool:
    return char.isprintable() or unicodedata.category(char) == "Zs"


def _joins(text: str, at: int) -> bool:
    """Return whether a joiner stands between two parts of an emoji."""
    return text[at] == _JOINER and all(
        unicodedata.category(char) in ("So", "Sk", "Mn")
        for char in (text[at - 1 : at] + text[at + 1 : at + 2])
    )


def _written_out(char: str) -> str:
    if char in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def show_value(value: Any, precision: int | None = None, *, longest: int | None = LONGEST) -> str:
    """Return a value for a table; floats with `precision` significant digits, else as they are."""
    if value is MISSING:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(value, f".{precision}g") if precision else repr(value)
    if value is None:
        return "null"
    text = str(value) if isinstance(value, (str, int)) else json.dumps(value, ensure_ascii=False, default=str)
    text = clean(text)
    return text if longest is None or len(text) <= longest else text[: longest - 1] + "…"


def show_time(text: str | None, now: datetime | None = None) -> str:
    """Return a record's time in the local zone: `10:40` today, `Oct 23` this year, else `2025-10-23`."""
    if not text:
        return "-"
    try:
        time = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        return clean(text)[:16]
    now = now or datetime.now().astimezone()
    if time.date() == now.date():
        return f"{time:%H:%M}"
    return f"{time:%b} {time.day:2d}" if time.year == now.year else f"{time:%Y-%m-%d}"


def show_moment(text: str) -> str:
    """Return a record's time in the local zone, to the second: `2025-10-23 10:40:12`."""
    try:
        return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return clean(text)


def show_duration(seconds: float | None) -> str:
    """Return a duration: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 40 min`."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def objects(count: int, size: int) -> str:
    """Return how many objects of data there are, and their size in bytes: "15 objects (11 kB)"."""
    from gitexp.words import human_size

    return f"{count:,} object{'' if count == 1 else 's'} ({human_size(size)})"


def content(artifact: Artifact) -> str:
    """Return how much a piece of data is: "12 kB", "2 MB in 1 file", "2 MB in 400 files"."""
    from gitexp.words import human_size

    size = human_size(artifact.size)
    if artifact.files is None:
        return size
    return f"{size} in {artifact.files:,} file{'' if artifact.files == 1 else 's'}"
