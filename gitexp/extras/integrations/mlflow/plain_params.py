"""Params of MLflow, which are texts, as gitexp's table wants them: a number is a number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_WORDS = {"True": True, "False": False, "None": None}


def plain_params(params: Mapping[str, str]) -> dict[str, Any]:
    """The params, with Python's values in place of their texts."""
    return {name: plain_value(text) for name, text in params.items()}


def plain_value(text: str) -> Any:
    """The number, truth value or None in a text; else the text."""
    if text in _WORDS:
        return _WORDS[text]
    if not text or text.strip() != text or "_" in text:
        return text
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if math.isfinite(number) and len(text) < 32:
            return number
    return text


def text_of(value: Any) -> str:
    """The text of a value of gitexp's, in MLflow's form."""
    return value if isinstance(value, str) else str(value)
