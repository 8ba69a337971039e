"""JSON for strict parsers: ASCII, no NaN, no halves of surrogate pairs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from gitexp.regex import regex

_ON_LINES, _ON_ONE = json.JSONEncoder(allow_nan=False, indent=2), json.JSONEncoder(allow_nan=False)
_SURROGATE = regex(r"\\ud[89a-f]")


def document(value: Any) -> str:
    """A value as a JSON document of several lines."""
    return _strict(value, _ON_LINES)


def line(value: Any) -> str:
    """A value as a JSON document on one line."""
    return _strict(value, _ON_ONE)


def _strict(value: Any, encoder: json.JSONEncoder) -> str:
    try:
        text = encoder.encode(value)
    except (TypeError, ValueError):
        return encoder.encode(_plain(value))
    # Found in halves of a pair, and in whole ones, which the second encoding leaves as they are.
    return encoder.encode(_plain(value)) if _SURROGATE.search(text) else text


def _plain(value: Any) -> Any:
    """The value in JSON's types: "nan" and "inf" are strings, a byte outside UTF-8 is `\\xff`."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(map(_character, text))
    return text


def _character(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name, as Python carries it (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    if 0xD800 <= code <= 0xDFFF:
        return f"\\u{code:04x}"
    return char
