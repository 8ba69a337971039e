"""JSON as every strict parser takes it: ASCII, no NaN, no halves of surrogate pairs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_ON_LINES, _ON_ONE = json.JSONEncoder(allow_nan=False, indent=2), json.JSONEncoder(allow_nan=False)
_SURROGATE = re.compile(r"\\ud[89a-f]")


def document(value: Any) -> str:
    """Return one JSON document over several lines."""
    return _strict(value, _ON_LINES)


def line(value: Any) -> str:
    """Return one JSON document on one line."""
    return _strict(value, _ON_ONE)


def _strict(value: Any, encoder: json.JSONEncoder) -> str:
    try:
        text = encoder.encode(value)
    except (TypeError, ValueError):
        return encoder.encode(_plain(value))
    # Found in halves of a pair, and in whole ones, which the second encoding leaves as they are.
    return encoder.encode(_plain(value)) if _SURROGATE.search(text) else text


def _plain(value: Any) -> Any:
    """Return what JSON can hold: "nan" and "inf" as strings, a byte that is not UTF-8 as `\\xff`."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return "".join(_character(char) for char in value) if not _is_utf8(value) else value
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _character(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name, as Python carries it (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if 0xD800 <= code <= 0xDFFF else char
