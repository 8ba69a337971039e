"""Values of records as plain values of JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gitexp.extras.web.cells import cell
from gitexp.model import MISSING


def plain(value: Any) -> Any:
    """The value for JSON: "nan", "inf" and "-inf" for such floats, and a text for any other type."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def cell_of(value: Any) -> Any:
    """The cell of a param or metric; for a missing value an object without a text."""
    if value is MISSING:
        return {"missing": True}
    return cell(value)
